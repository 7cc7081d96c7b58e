# Two commands do everything on a fresh machine with Rust: 'make demo' and 'make test'.
# They install what is missing where they may (root or password-less sudo with apt-get), and otherwise say what to do.

CARGO ?= cargo

PREFIX ?= /usr/local

# What cargo builds: the release, unless a target says otherwise.
BUILD =
FEATURES =

# one build at a time, in one place
.NOTPARALLEL:
.PHONY: all build setup test lint unit stock regression results results-quick demo install uninstall

all: build

setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --release $(BUILD)

# An invented document of 128,000 tokens, 16 times what the model was trained with, and its summary.
demo: build
	target/release/edgeinf model pull smollm2-135m >/dev/null
	target/release/edgeinf sample --tokens 128000 --seed 1 -o target/demo.txt
	target/release/edgeinf summarize target/demo.txt

# The program that was built, its man pages and its completions. DESTDIR is for those who make packages.
install:
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 target/release/edgeinf $(DESTDIR)$(PREFIX)/bin/edgeinf
	target/release/edgeinf generate $(DESTDIR)$(PREFIX)/share

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/edgeinf \
	    $(DESTDIR)$(PREFIX)/share/man/man1/edgeinf.1 $(DESTDIR)$(PREFIX)/share/man/man1/edgeinf-*.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/edgeinf \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_edgeinf \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/edgeinf.fish

# One profile and one set of features for all checks, those of dependencies that tests have too: else half of them would be built twice.
# 'stock' comes last: it builds the program once more in the same place, without our hooks.
test: FEATURES = --features train
test: BUILD = $(FEATURES) --all-targets
test: setup lint unit regression results-quick stock

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --all-targets --features train -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --no-deps --document-private-items --features train

unit:
	$(CARGO) test --release --features train

# Documents with what is expected of their summaries, as anybody's continuous integration would check them.
regression: build
	target/release/edgeinf model pull smollm2-135m >/dev/null
	target/release/edgeinf check tests/regression/cases.toml

# What docs/results.md tells: at most six hours on 2 cores; call it again to go on.
results: build
	scripts/results.py

# A few cases of everything, in about five minutes.
results-quick: build
	scripts/results.py --quick

# The same bits as a build without our hooks.
stock:
	scripts/compare-stock.sh $(FEATURES)
