"""What vulture finds no use of in pavg, and who uses it: `make lint` reads this file, nothing runs it."""
# ruff: noqa: B018, F821

# entry points of setup.cfg
_.LeastSquares, _.Logistic, _.Quadratic, _.NoisyQuadratic, _.DoubleWell, _.PCA, _.LeNet
_.Sigmoid, _.Cauchy
_.TorchLeNet, _.VGG, _.NIN, _.ResNet
_.Varying, _.Stochastic, _.GradientAllreduce, _.Downpour, _.EAMSGD
_.PRSGD, _.Heterogeneous, _.SlowMomentum
_.Pool, _.IID, _.Contiguous, _.ByLabel, _.Dirichlet
_.Inverse, _.InverseSqrt, _.Power, _.Decay, _.GrowingBatch

# by their names: layouts of a store, benchmarks, a worker process
_.dense_shapes, _.csr_shapes, _.Targets, _.work

# by numba: overloads, the context that intrinsics are given, the model of a type, what `Compiled` is
_._choose, _._steps, _._abreast, _.typing, _._VectorModel, _._TileModel, _._numba_type_, _.CACHE_DIR

# theory, by whoever asks, and by tests
_.rate_terms, _.unequal_rate_terms, _.printed_least_rounds, _.more_than_one_is_best, _.best_period
_.best_tuned_period, _.best_periods

# by numpy, io, click, xarray
_.writeable, _.readinto, _.list_commands, _.get_command, _.list_, _.description, _.drop_variables

# by page.html
_.tally

# by PyTorch
_.deterministic, _.allow_tf32

# by `with`
_.exception

# by whoever tells of the papers: figures and numbers of their sweeps
_.example1_values, _.example2, _.lemma1, _.double_well, _.double_well_k, _.pca, _.pca_gain

# by notebooks: closed forms, which tests check
_.moments_step, _.fourth_moment_factor
