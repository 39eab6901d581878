# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of this project; the build itself is Meson's (meson.build).
#   make                      builds the product; make install [PREFIX=DIR] [DESTDIR=DIR], make uninstall
#   make demo [ARGS=--once]   a small private network, one message from alice to bob
#   make deb                  Debian packages, ./restante_*.deb
#   make test                 unit tests and tests on real daemons
#   make check tidy sanitize-unit   what continuous integration (.ci/run) asks for besides
# Each installs first what packages.txt lists for it and is missing.

BUILD ?= build
QUICK ?=
# Where to install; /usr/local unless a build folder was set to another before.
PREFIX ?=
DESTDIR ?=
ARGS ?=
# An OpenDHT (an archive or folder of its source, or a folder with its include/ and lib/) in place of the system's.
OPENDHT ?=
export OPENDHT
PYTHON ?= /usr/bin/python3
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: all deb test-packages demo test test-newcomer test-debian12 test-debian13 test-clients corpus corpus-structure race big soak bench check werror layers tidy sanitize-unit sanitize tsan-unit tsan coverage install uninstall format-check format clean

all:
	@sh scripts/install-packages run build
	@$(PYTHON) scripts/build.py --prefix "$(PREFIX)" "$(BUILD)"

demo:
	sh scripts/install-packages run build
	@$(PYTHON) scripts/build.py "$(BUILD)"
	@$(PYTHON) scripts/stage.py --build "$(BUILD)" -- scripts/demo.py $(ARGS)

test:
	sh scripts/install-packages run build test corpus
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs meson-test-prereq
	@$(PYTHON) scripts/test.py --build "$(BUILD)" $(ARGS)

# Three fresh computers (debootstrap, network namespaces) run README's own lines; needs root.
test-newcomer:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)"
	@RESTANTE_BUILD="$(BUILD)" $(PYTHON) -m pytest -q -p no:cacheprovider --tb=short -rsP tests/root/test_newcomer.py $(ARGS)

# README's commands on a fresh Debian 13 or 12, and computers of both in one network; needs root, takes half an
# hour. ARGS=tests/root/test_mixed.py: only that.
test-debian13 test-debian12:
	sh scripts/install-packages run build test opendht
	@$(PYTHON) scripts/build.py "$(BUILD)"
	@$(PYTHON) scripts/test-debian --build "$(BUILD)" $(if $(filter %13,$@),trixie,bookworm) $(ARGS)

# Our Debian packages on booted Debians: installed, Dovecot updated under running peers, upgraded with mail waiting,
# removed, purged; needs root. BEFORE is what is upgraded from: the first commit with packages.
BEFORE ?= ebce0bd2290925f06476ec7492bf7460e0e525f7
test-packages:
	sh scripts/install-packages deb test
	@$(PYTHON) scripts/deb.py --output "$(BUILD)/packages"
	@[ -e "$(BUILD)/packages-before/$(BEFORE)" ] || { \
	    $(PYTHON) scripts/deb.py --no-lintian --commit $(BEFORE) --output "$(BUILD)/packages-before" && \
	    touch "$(BUILD)/packages-before/$(BEFORE)"; }
	@RESTANTE_PACKAGES="$(abspath $(BUILD))/packages" RESTANTE_PACKAGES_BEFORE="$(abspath $(BUILD))/packages-before" \
	    $(PYTHON) -m pytest -q -p no:cacheprovider --tb=short -rsP tests/root/test_packages.py $(ARGS)

# Real mail clients; takes ten minutes. With PICTURES=doc/pictures the pictures in doc/ are taken anew.
PICTURES ?= $(BUILD)/pictures
test-clients:
	sh scripts/install-packages run build test clients
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@$(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only --pictures "$(PICTURES)" tests/clients $(ARGS)

# All 6,046 real messages instead of 300 of them; takes a while.
corpus:
	sh scripts/install-packages run build test corpus
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@RESTANTE_CORPUS=all $(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only tests/peer/test_corpus.py tests/peer/test_structure.py $(ARGS)

# What the stubs of all of them show against what Dovecot, without the plugin, says of the full messages.
corpus-structure:
	sh scripts/install-packages run build test corpus
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@RESTANTE_CORPUS=all $(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only tests/peer/test_listing.py tests/peer/test_structure.py $(ARGS)

# 1,000 stubs instead of 200 under many hands at once.
race:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@RESTANTE_RACE=1000 $(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only tests/peer/test_race.py $(ARGS)

# One message of 2 GB, and every process under 100 MB.
big:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@RESTANTE_BIG=1 $(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only tests/peer/test_big.py $(ARGS)

# 20 peers in 4 groups for MINUTES: sends, opens, declines, cancels and kill -9 at random; then a ledger.
MINUTES ?= 10
soak:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dtests=true product test-programs
	@RESTANTE_SOAK=$(MINUTES) $(PYTHON) scripts/test.py --build "$(BUILD)" --peer-only tests/peer/test_soak.py $(ARGS)

# The evaluation (doc/evaluation.md): against Postfix and Dovecot, in network namespaces; needs root.
# QUICK=1: within ten minutes, into the build folder. ARGS="--only rate": one measure.
bench:
	sh scripts/install-packages run build corpus bench
	sh scripts/fetch-corpus
	@$(PYTHON) scripts/build.py "$(BUILD)" -Dbench=true product bench-programs
	@$(PYTHON) bench/run.py --build "$(BUILD)" $(if $(QUICK),--quick) $(ARGS)

# What a machine can say about the source, none of which runs a test: form, warnings, layers, clauses.
check: format-check werror layers

# Everything, without a warning of either compiler.
CLANG = $(if $(findstring ccache,$(CC)),ccache )clang
werror:
	sh scripts/install-packages run build test check
	@CC="$${CC:-gcc}" CXX="$${CXX:-g++}" $(PYTHON) scripts/build.py "$(BUILD)-gcc" -Dwerror=true -Dtests=true -Dbench=true all
	@CC="$(CLANG)" CXX="$(CLANG)++" $(PYTHON) scripts/build.py "$(BUILD)-clang" -Dwerror=true -Dtests=true -Dbench=true all

# Who may know whom, no circles of files, and every clause of the protocol cited by a test.
layers: werror
	scripts/check-layers "$(BUILD)-gcc"
	scripts/check-clauses --strict

# The faults that clang-tidy finds of those that .clang-tidy lists; the compiler's own words come from werror.
tidy:
	sh scripts/install-packages run build test check
	@CC="$(CLANG)" CXX="$(CLANG)++" $(PYTHON) scripts/build.py "$(BUILD)-clang" -Dtests=true -Dbench=true product
	run-clang-tidy -quiet -p "$(BUILD)-clang" "^$(CURDIR)/(src|dhtd|mimed|plugin)/" >"$(BUILD)-clang/tidy.log" 2>&1 || \
	    { grep -A6 -E '(error|warning):' "$(BUILD)-clang/tidy.log"; exit 1; }

# The unit tests with the address and undefined-behaviour sanitizers.
SANITIZED = ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
sanitize-unit:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)-sanitize" -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debug all
	$(SANITIZED) meson test -C "$(BUILD)-sanitize" --no-rebuild --print-errorlogs --timeout-multiplier 3

# These, and tests on real daemons whose programs are built so (Dovecot's plugin is not: Dovecot is not). What they
# choose is ARGS; a first mail, a group, restarts and the command line if nothing is said.
CHOSEN = $(if $(ARGS),$(ARGS),$(addprefix tests/peer/test_,$(addsuffix .py,first_mail everyday large receipt cancel expiry replica invite)))
sanitize: sanitize-unit
	$(SANITIZED) $(PYTHON) scripts/test.py --build "$(BUILD)-sanitize" --peer-only $(CHOSEN)

# The same with the thread sanitizer.
THREADS = TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp:second_deadlock_stack=1
tsan-unit:
	sh scripts/install-packages run build test
	@$(PYTHON) scripts/build.py "$(BUILD)-tsan" -Dtests=true -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debug all
	$(THREADS) meson test -C "$(BUILD)-tsan" --no-rebuild --print-errorlogs --timeout-multiplier 5

tsan: tsan-unit
	$(THREADS) $(PYTHON) scripts/test.py --build "$(BUILD)-tsan" --peer-only $(CHOSEN)

# Which lines the unit tests and the fuzz targets' seeds run: a report in build-coverage/coverage/, and per folder here.
coverage:
	sh scripts/install-packages run build test check
	@$(PYTHON) scripts/build.py "$(BUILD)-coverage" -Dtests=true -Db_coverage=true -Dbuildtype=debug all
	meson test -C "$(BUILD)-coverage" --no-rebuild --print-errorlogs --timeout-multiplier 3
	@$(PYTHON) scripts/coverage.py "$(BUILD)-coverage"

install: all
	@$(PYTHON) scripts/install.py install --destdir "$(DESTDIR)" "$(BUILD)"

# The same PREFIX and DESTDIR as when it was installed. Homes of users stay.
uninstall:
	@$(PYTHON) scripts/install.py uninstall --destdir "$(DESTDIR)" --prefix "$(PREFIX)" "$(BUILD)"

# Debian packages for the system it runs on, built in a clean root without a network: ./restante_*.deb,
# ./restante-dht_*.deb.
deb:
	sh scripts/install-packages deb
	@$(PYTHON) scripts/deb.py $(ARGS)

SOURCES = $(shell git ls-files '*.c' '*.h' '*.cpp' '*.hpp')
format-check:
	sh scripts/install-packages check
	@clang-format --dry-run -Werror $(SOURCES)

format:
	clang-format -i $(SOURCES)

clean:
	rm -rf "$(BUILD)" "$(BUILD)-gcc" "$(BUILD)-clang" "$(BUILD)-sanitize" "$(BUILD)-tsan" "$(BUILD)-coverage" .pytest_cache
	find scripts tests -name __pycache__ -type d -exec rm -rf {} +
