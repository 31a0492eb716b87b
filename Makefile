# Needs Python >= 3.11 with venv, and nothing else: see README.md.
PYTHON ?= python3
VENV := .venv
comma := ,
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

# An mpirun on PATH (a cluster's module) is used as it is. Without one, PyPI's MPICH goes into .venv,
# where mpi4py would prefer it to any other.
MPI := $(if $(shell command -v mpirun 2>/dev/null),,mpi)

# A folder of data sets' files, for experiments on real data: make zhang2016 DATA=/path; FULL=1: the paper's size
DATA ?= $(wildcard ../shared/data)

.PHONY: quickstart test lint zhang2016 zhou2018 yu2019 install install-test
quickstart: install
	$(VENV)/bin/pavg run quickstart -n 2

test: install-test
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

zhang2016 zhou2018 yu2019: install
	$(VENV)/bin/pavg reproduce $@ -n 2 $(if $(DATA),--data $(DATA)) $(if $(FULL),--full)

lint: install-test
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/vulture pavg benchmarks tests/seen.py

# Installing is redone only when setup.cfg has changed.
install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(VENV)/.installed: setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable '.[report$(if $(MPI),$(comma)$(MPI))]'
	touch $@

$(VENV)/.installed-test: setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable '.[test$(if $(MPI),$(comma)$(MPI))]'
	touch $(VENV)/.installed $@
