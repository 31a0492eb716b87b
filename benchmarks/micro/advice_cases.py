"""Cases of `advice.py`, in TOML: specifications without a K, and mostly without a step size."""

# the advisor was changed after these had been looked at
LOOKED_AT = """
[w8a]
problem = {name = "logistic", l2 = 1e-4}
data = {path = "w8a/w8a", scale = "unit_rows"}
P = 2
batch_size = 16
network = {latency = 1e-4}
stop.steps = 8192

[rcv1]
problem = {name = "least-squares", l2 = 1e-5}
data = {path = "rcv1-subsets/rcv1_subsets.binary.bz2"}
partition = "by-label"
P = 2
batch_size = 16
network = {latency = 1e-3}
stop.steps = 8192

[higgs]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "higgs-excerpt/binary.train", target = 1, scale = "standardize"}
partition = "by-label"
P = 8
batch_size = 8
network = {latency = 1e-3}
stop.steps = 8192

[blogfeedback]
problem = {name = "cauchy", l2 = 1e-4, intercept = true}
data.path = "blogfeedback/BlogFeedback.zip"
data.member = "blogData_train.csv"
data.target = -1
data.scale = "standardize"
data.layout = "dense"
P = 24
batch_size = 4
network = {latency = 1e-3}
stop.steps = 4096

[w8a_labels]
problem = {name = "cauchy", l2 = 1e-4, intercept = true}
data = {path = "w8a/w8a"}
partition = "by-label"
P = 2
batch_size = 8
network = {latency = 1e-4}
stop.steps = 8192

[higgs_pool]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "higgs-excerpt/binary.train", target = 1, scale = "standardize"}
P = 2
batch_size = 32
network = {latency = 1e-3}
stop.steps = 8192
"""
# and these it had not seen
PROOF = """
[w8a_sigmoid]
problem = {name = "sigmoid", l2 = 1e-4}
data = {path = "w8a/w8a", scale = "unit_rows"}
P = 2
batch_size = 32
network = {latency = 1e-4}
stop.steps = 8192

[higgs_labels]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "higgs-excerpt/binary.train", target = 1, scale = "standardize"}
partition = "by-label"
P = 2
batch_size = 16
network = {latency = 1e-3}
stop.steps = 8192

[digits]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "mnist/t10k-images-idx3-ubyte.gz", layout = "dense", positive = 5, scale = "unit_rows"}
P = 24
batch_size = 4
network = {latency = 1e-3}
stop.steps = 4096

[w8a_large]
problem = {name = "logistic", l2 = 1e-4}
data = {path = "w8a/w8a", scale = "unit_rows"}
partition = "by-label"
P = 2
batch_size = 64
network = {latency = 1e-4}
stop.steps = 4096

[rcv1_large]
problem = {name = "logistic", l2 = 1e-5}
data = {path = "rcv1-subsets/rcv1_subsets.binary.bz2"}
P = 2
batch_size = 64
network = {latency = 3e-4}
stop.steps = 4096

[threes]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "mnist/t10k-images-idx3-ubyte.gz", layout = "dense", positive = 3, scale = "unit_rows"}
partition = "by-label"
P = 8
batch_size = 16
network = {latency = 2e-4}
stop.steps = 4096

[higgs_large]
problem = {name = "logistic", l2 = 1e-4, intercept = true}
data = {path = "higgs-excerpt/binary.train", target = 1, scale = "standardize"}
P = 24
batch_size = 64
network = {latency = 1e-4}
stop.steps = 4096

[rcv1_squares]
problem = {name = "least-squares", l2 = 1e-4}
data = {path = "rcv1-subsets/rcv1_subsets.binary.bz2"}
P = 2
batch_size = 32
network = {latency = 1e-3}
stop.steps = 4096

[w8a_squares]
problem = {name = "least-squares", l2 = 1e-4, intercept = true}
data = {path = "w8a/w8a", scale = "unit_rows"}
partition = "by-label"
P = 2
batch_size = 32
network = {latency = 5e-5}
stop.steps = 8192

[blogfeedback_pairs]
problem = {name = "cauchy", l2 = 1e-3, intercept = true}
data.path = "blogfeedback/BlogFeedback.zip"
data.member = "blogData_train.csv"
data.target = -1
data.scale = "standardize"
data.layout = "dense"
P = 2
batch_size = 64
network = {latency = 2e-4}
stop.steps = 4096

[higgs_sigmoid]
problem = {name = "sigmoid", l2 = 1e-4, intercept = true}
data = {path = "higgs-excerpt/binary.train", target = 1, scale = "standardize"}
partition = "by-label"
P = 8
batch_size = 32
network = {latency = 3e-5}
stop.steps = 4096

[sevens]
problem = {name = "least-squares", l2 = 1e-4, intercept = true}
data = {path = "mnist/t10k-images-idx3-ubyte.gz", layout = "dense", positive = 7, scale = "unit_rows"}
P = 24
batch_size = 8
network = {latency = 3e-4}
stop.steps = 4096

[mnist]
problem = "lenet"
data = {path = "mnist/t10k-images-idx3-ubyte.gz", layout = "dense", dtype = "float32"}
P = 2
batch_size = 8
step_size = 0.01
momentum = 0.9
network = {latency = 1e-2}
stop.steps = 640
"""
CASES = {"looked-at": LOOKED_AT, "proof": PROOF}
