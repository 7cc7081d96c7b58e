# Two commands do everything on a fresh machine with Rust: 'make demo' and 'make test'.
# They install what is missing where they may (root or password-less sudo with apt-get), and otherwise say what to do.

CARGO ?= cargo

PREFIX ?= /usr/local

.PHONY: all build setup test lint unit stock demo install

all: build

setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --release

# A summary of this project's own documentation, read in a window that is much smaller than it.
demo: build
	target/release/edgeinf model pull smollm2-135m >/dev/null
	cat README.md patches/README.md docs/*.md | \
	    target/release/edgeinf summarize - --policy streaming --window 512 --segment 256

# The program that was built, its man pages and its completions. DESTDIR is for those who make packages.
install:
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 target/release/edgeinf $(DESTDIR)$(PREFIX)/bin/edgeinf
	target/release/edgeinf generate $(DESTDIR)$(PREFIX)/share

test: setup lint unit stock

# One profile for everything: the C++ build and the dependencies are shared.
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --no-deps --document-private-items

unit:
	$(CARGO) test --release

# The same bits as a build without our hooks.
stock:
	scripts/compare-stock.sh
