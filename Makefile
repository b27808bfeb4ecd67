# SPDX-License-Identifier: MPL-2.0
# Builds, checks and installs provisiond. One non-recursive makefile: what to build is found by wildcard, so a new .c
# file needs no line here. `make help` lists the targets; V=1 shows whole commands; `make -k` builds all that builds.
#
#   common/*.c -> libcommon.a          supervisor/*.c but main.c -> libsupervisor.a   -> provisiond
#   proto/*.c  -> libproto.a           worker/*.c, worker/*/*.c but main.c -> libworker.a -> provisiond-worker
#   subscribers/NAME.c (+ NAME_*.c) -> NAME          tests/sim/*.c -> simcloud
#   tests/unit/test_NAME.c -> unit/test_NAME         tests/tools/NAME.c -> tools/NAME (both with all libraries)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

ifeq ($(origin CC),default)
CC := gcc
endif
AR         ?= ar
PKG_CONFIG ?= pkg-config
PYTHON     := /usr/bin/python3
PREFIX     ?= /usr/local
DESTDIR    ?=

# Objects of another compiler or sanitizer live apart: build/, build/clang/, build/san-address-undefined/.
comma   := ,
variant := $(if $(findstring clang,$(notdir $(CC))),/clang)$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
BUILD   ?= build$(variant)

PACKAGES      := libzmq libcurl jansson libssl libcrypto expat sqlite3 libsystemd
TEST_PACKAGES := cmocka libmicrohttpd
PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(TEST_PACKAGES) 2>/dev/null)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS += -I. -D_GNU_SOURCE $(DEFINES) $(PACKAGE_CFLAGS)
CFLAGS   ?= -O2 -g
COMPILE_FLAGS := -std=c17 $(WARNINGS) -fno-omit-frame-pointer \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all,-fstack-protector-strong)
LINK_FLAGS := $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed -pthread
LIBS       := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm
SIM_LIBS   := $(shell $(PKG_CONFIG) --libs libmicrohttpd 2>/dev/null)
UNIT_LIBS  := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

# ---- what there is -------------------------------------------------------------------------------------------------

common_sources      := $(sort $(wildcard common/*.c))
proto_sources       := $(sort $(wildcard proto/*.c))
supervisor_sources  := $(sort $(filter-out supervisor/main.c,$(wildcard supervisor/*.c)))
worker_sources      := $(sort $(filter-out worker/main.c,$(wildcard worker/*.c worker/*/*.c)))
sim_sources         := $(sort $(wildcard tests/sim/*.c))
testlib_sources     := $(sort $(wildcard tests/lib/*.c))
unit_sources        := $(sort $(wildcard tests/unit/test_*.c))
tool_sources        := $(sort $(wildcard tests/tools/*.c))
fuzz_sources        := $(sort $(wildcard tests/fuzz/fuzz_*.c))
main_sources        := $(wildcard supervisor/main.c worker/main.c)
subscriber_sources  := $(sort $(wildcard subscribers/*.c))
# A subscriber is a file without underscore; NAME_*.c are further files of NAME.
subscriber_mains    := $(foreach file,$(subscriber_sources),$(if $(findstring _,$(notdir $(file))),,$(file)))

sources := $(common_sources) $(proto_sources) $(supervisor_sources) $(worker_sources) $(sim_sources) \
	$(testlib_sources) $(unit_sources) $(tool_sources) $(fuzz_sources) $(main_sources) $(subscriber_sources)
headers := $(sort $(wildcard common/*.h proto/*.h proto/*.def supervisor/*.h worker/*.h worker/*/*.h subscribers/*.h \
	tests/sim/*.h tests/lib/*.h tests/unit/*.h))
scripts := bootstrap .ci/run .ci/deb/build .ci/deb/postinst .ci/deb/prerm .ci/deb/postrm $(wildcard tests/*/*.sh)

objects_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIBCOMMON     := $(BUILD)/libcommon.a
LIBPROTO      := $(BUILD)/libproto.a
LIBSUPERVISOR := $(BUILD)/libsupervisor.a
LIBWORKER     := $(BUILD)/libworker.a
LIBTEST       := $(BUILD)/libtest.a
ALL_LIBRARIES := $(LIBSUPERVISOR) $(LIBWORKER) $(LIBPROTO) $(LIBCOMMON)

daemons     := $(if $(wildcard supervisor/main.c),$(BUILD)/provisiond) \
	$(if $(wildcard worker/main.c),$(BUILD)/provisiond-worker)
subscribers := $(patsubst subscribers/%.c,$(BUILD)/%,$(subscriber_mains))
simulator   := $(if $(wildcard tests/sim/main.c tests/sim/simcloud.c),$(BUILD)/simcloud)
units       := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(unit_sources))
tools       := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(tool_sources))
fuzzers     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(fuzz_sources))

# ---- rules ---------------------------------------------------------------------------------------------------------

say    = @$(if $(V),:,printf '  %-6s %s\n' $(1) $(2))
hidden = $(if $(V),,@)
link   = $(CC) $(CFLAGS) $(COMPILE_FLAGS) $(LDFLAGS) $(LINK_FLAGS) -o $@ $(filter %.o,$^) \
	$(filter %.a,$^) $(LIBS)

.PHONY: all binaries daemons variants chaos bench-restart bench-isolation bench-relay policies mutants tests-built check demo lint walls format tidy fuzz fuzz-run fuzzers-built docs bench properties install deb container clean help FORCE
all: binaries tests-built ## build everything: daemons, tools, simulator, test programs
binaries: $(daemons) $(subscribers) $(simulator)
tests-built: $(units) $(tools)
daemons: $(daemons)

# The same daemon, built to end itself at named places (common/crash.h), and built wrong on purpose: it commits a grant
# after sending it, and the chaos test's checker must find that out.
variants:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/crash' DEFINES=-DCRASH_POINTS daemons
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/chaos-control' DEFINES=-DCOMMIT_AFTER_SENDING daemons
	@! command -v clang >/dev/null || $(MAKE) --no-print-directory $(fuzzing) fuzzers-built

# Rewritten only when the command changes, so that other flags rebuild all objects.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(CC) $(CPPFLAGS) $(CFLAGS) $(COMPILE_FLAGS)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(CPPFLAGS) $(CFLAGS) $(COMPILE_FLAGS)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(hidden)$(CC) $(CPPFLAGS) $(CFLAGS) $(COMPILE_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(hidden)rm -f $@.$$$$ && $(AR) rcsD $@.$$$$ $(filter %.o,$^) && mv $@.$$$$ $@

# A library is made anew when the list of its files changes, too: a deleted file leaves no object behind.
define library_rule
$(1): $(call objects_of,$(2)) $(BUILD)/$(3).list
$(BUILD)/$(3).list: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' >$$@
endef
$(eval $(call library_rule,$(LIBCOMMON),$(common_sources),common))
$(eval $(call library_rule,$(LIBPROTO),$(proto_sources),proto))
$(eval $(call library_rule,$(LIBSUPERVISOR),$(supervisor_sources),supervisor))
$(eval $(call library_rule,$(LIBWORKER),$(worker_sources),worker))
$(eval $(call library_rule,$(LIBTEST),$(testlib_sources),testlib))

$(BUILD)/provisiond: $(BUILD)/obj/supervisor/main.o $(LIBSUPERVISOR) $(LIBPROTO) $(LIBCOMMON)
	$(call say,LD,$@)
	$(hidden)$(link)

$(BUILD)/provisiond-worker: $(BUILD)/obj/worker/main.o $(LIBWORKER) $(LIBPROTO) $(LIBCOMMON)
	$(call say,LD,$@)
	$(hidden)$(link)

$(BUILD)/simcloud: $(call objects_of,$(sim_sources)) $(LIBCOMMON)
	$(call say,LD,$@)
	$(hidden)$(link) $(SIM_LIBS)

define subscriber_rule
$(BUILD)/$(1): $(call objects_of,subscribers/$(1).c $(filter subscribers/$(1)_%,$(subscriber_sources))) \
	$(subscriber_parts_$(1)) $(LIBPROTO) $(LIBCOMMON)
	$$(call say,LD,$$@)
	$$(hidden)$$(link) $$(SIM_LIBS)
endef
# provisionctl replay runs the daemon's own decisions again: the linker takes the pure files that it needs, no others.
subscriber_parts_provisionctl := $(LIBSUPERVISOR) $(LIBWORKER)
$(foreach main,$(subscriber_mains),$(eval $(call subscriber_rule,$(basename $(notdir $(main))))))

# The dashboard's pages are inside its program, and so is uPlot where bootstrap has fetched it (npm's files are old by
# their dates: the list says whether they are there).
web_files := $(sort $(wildcard subscribers/web/* build/npm/node_modules/uplot/dist/uPlot*.min.*))
$(BUILD)/web.list: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(web_files)' | cmp -s - $@ || printf '%s\n' '$(web_files)' >$@
$(BUILD)/obj/subscribers/provisiond-web_assets.o: $(web_files) $(BUILD)/web.list

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBTEST) $(ALL_LIBRARIES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link) $(UNIT_LIBS)

# The tests of the lower parts do not wait for the upper ones to compile.
$(BUILD)/unit/test_common_%: $(BUILD)/obj/tests/unit/test_common_%.o $(LIBTEST) $(LIBCOMMON)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link) $(UNIT_LIBS)

$(BUILD)/unit/test_proto_%: $(BUILD)/obj/tests/unit/test_proto_%.o $(LIBTEST) $(LIBPROTO) $(LIBCOMMON)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link) $(UNIT_LIBS)

$(BUILD)/unit/test_ec2_%: $(BUILD)/obj/tests/unit/test_ec2_%.o $(LIBTEST) $(LIBWORKER) $(LIBPROTO) $(LIBCOMMON)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link) $(UNIT_LIBS)

$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIBTEST) $(ALL_LIBRARIES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(ALL_LIBRARIES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(hidden)$(link) -fsanitize=fuzzer

-include $(patsubst %.o,%.d,$(call objects_of,$(sources)))
.SECONDARY:

# ---- checks --------------------------------------------------------------------------------------------------------

check: all variants walls ## build, check the walls, run all tests; FILTER=word chooses, SAN=address,undefined instruments
	@BUILD='$(BUILD)' $(PYTHON) tests/run --build '$(BUILD)' $(if $(FILTER),--filter '$(FILTER)')

walls: ## who may include what, SPDX lines, sizes of functions and files
	@$(PYTHON) tests/lint/walls

lint: ## walls, clang-format, shellcheck, cppcheck, clang-tidy
	@sh tests/lint/lint $(sources) -- $(headers) -- $(scripts)

tidy: ## clang-tidy alone
	@sh tests/lint/tidy $(sources)

format: ## rewrite the C files in the project's layout
	clang-format -i $(sources) $(filter %.h,$(headers))

properties: $(units) ## the random invariant tests alone, a million cases (ROUNDS=n, SEED=n)
	@set -e; for program in $(filter %_property,$(units)); do \
		PROPERTY_ROUNDS='$(or $(ROUNDS),1000000)' PROPERTY_SEED='$(SEED)' $$program; done

policies: $(BUILD)/tools/policy_comparison ## a real day through the arbiter with each policy (docs/policy.md): TRACES= CAPS=
	@$< '$(or $(TRACES),../shared/traces)' $(or $(CAPS),500 800 1200)

mutants: ## break arbiter, breakers and budget in named ways, one at a time; each must be caught by a named test
	@$(PYTHON) tests/mutants/run

# Decoders and handlers with libFuzzer's eyes in them; their short run is tests/process/test_fuzzers.py.
fuzzing := BUILD='$(BUILD)/fuzzing' CC=clang SAN=fuzzer-no-link,address,undefined
fuzzers-built: $(fuzzers) $(BUILD)/tools/fuzz_seeds

fuzz: ## feed each decoder and the control requests random bytes (clang, libFuzzer): SECONDS=30
	@$(MAKE) --no-print-directory $(fuzzing) fuzz-run

fuzz-run: fuzzers-built
	@set -e; for program in $(fuzzers); do name=$${program##*/}; mkdir -p $(BUILD)/corpus/$$name; \
		$(BUILD)/tools/fuzz_seeds $$name $(BUILD)/corpus/$$name; \
		echo "  FUZZ   $$name"; $$program -max_total_time=$(or $(SECONDS),30) -verbosity=0 -print_final_stats=1 -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix=$(BUILD)/corpus/$$name- $(BUILD)/corpus/$$name; done

chaos: binaries ## kill, stop and starve any process of a running daemon, then judge: KILLS=1000 SEED=1
	@BUILD='$(BUILD)' $(PYTHON) tests/chaos/run.py --kills '$(or $(KILLS),1000)' --seed '$(or $(SEED),1)'

bench: bench-isolation bench-restart bench-relay ## all measurements, as ratios where there is something to compare with; build/bench/*.json

bench-isolation: binaries ## what one sick type does to the launch latency of 99 others; build/bench/isolation.json
	@BUILD='$(BUILD)' $(PYTHON) tests/bench/isolation.py --repeats '$(or $(REPEATS),5)' --seconds '$(or $(SECONDS),50)'

bench-relay: binaries $(BUILD)/tools/relay_crowd ## what 1,000 subscribers of the relay, 100 deaf, do to the time from bid to grant; LAYOUT=apart or shared; build/bench/relay.json
	@BUILD='$(BUILD)' $(PYTHON) tests/bench/relay.py --layout '$(or $(LAYOUT),apart)' --repeats '$(or $(REPEATS),7)' --seconds '$(or $(SECONDS),60)'

bench-restart: binaries ## exec to first grant with TYPES=1000 types and INSTANCES=10000 instances; build/bench/restart.json
	@BUILD='$(BUILD)' $(PYTHON) tests/bench/restart.py --types '$(or $(TYPES),1000)' --instances '$(or $(INSTANCES),10000)'

docs: $(tools) binaries ## write the generated documents anew (a test compares them)
	@set -e; for program in $(filter %_document,$(tools)); do name=$$(basename $$program _document); \
		page=docs/$$(printf '%s' $$name | tr a-z A-Z).md; echo "  DOC    $$page"; \
		$$program >$$page.new && mv $$page.new $$page; done
	@set -e; mkdir -p docs/schema; for name in workertype amiset settings; do echo "  DOC    docs/schema/$$name.json"; \
		$(BUILD)/tools/schema_file $$name >docs/schema/$$name.json.new && \
		mv docs/schema/$$name.json.new docs/schema/$$name.json; done
	@echo '  DOC    docs/iam-policy.json'; $(BUILD)/tools/iam_policy >docs/iam-policy.json.new && mv docs/iam-policy.json.new docs/iam-policy.json
	@echo '  DOC    docs/man'; $(PYTHON) tests/lib/man_pages.py '$(BUILD)'
	@echo '  DOC    docs/INCIDENTS.md'; $(PYTHON) tests/lib/incidents.py >docs/INCIDENTS.md.new && \
		mv docs/INCIDENTS.md.new docs/INCIDENTS.md

demo: binaries ## the 2016 day, replayed: SPEED= BREAKERS=off PREFLIGHT=on SICK=off KILL=1 REAL=1 (docs/demo.md)
	@BUILD='$(BUILD)' $(PYTHON) tests/demo/run_demo.py $(if $(SPEED),--speed '$(SPEED)') \
		$(if $(filter off,$(BREAKERS)),--breakers-off) $(if $(filter off,$(SICK)),--without-sick) \
		$(if $(filter on,$(PREFLIGHT)),--preflight) \
		$(if $(KILL),--kill) $(if $(REAL),--real)

# ---- the rest ------------------------------------------------------------------------------------------------------

# The system's own folders (units, users) are below PREFIX too: with PREFIX=/usr or /usr/local systemd finds them there.
example_files := $(shell find docs/examples -type f ! -name '*.pyc' 2>/dev/null)
install: daemons $(subscribers) ## install below $(DESTDIR)$(PREFIX)
	install -d '$(DESTDIR)$(PREFIX)/sbin' '$(DESTDIR)$(PREFIX)/bin'
	install -m 0755 $(daemons) '$(DESTDIR)$(PREFIX)/sbin/'
	install -m 0755 $(subscribers) '$(DESTDIR)$(PREFIX)/bin/'
	set -e; for unit in $(wildcard supervisor/*.service); do \
		install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system'; \
		sed 's,@PREFIX@,$(PREFIX),g' "$$unit" >'$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}"; \
		chmod 0644 '$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}"; done
	install -D -m 0644 supervisor/provisiond.sysusers '$(DESTDIR)$(PREFIX)/lib/sysusers.d/provisiond.conf'
	install -d '$(DESTDIR)$(PREFIX)/share/bash-completion/completions'
	$(BUILD)/provisionctl completion bash >'$(DESTDIR)$(PREFIX)/share/bash-completion/completions/provisionctl'
	chmod 0644 '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/provisionctl'
	set -e; for page in $(wildcard docs/man/*.[1-8]); do \
		install -D -m 0644 "$$page" '$(DESTDIR)$(PREFIX)/share/man/man'"$${page##*.}/$${page##*/}"; done
	set -e; for file in $(example_files); do \
		install -D -m 0644 "$$file" '$(DESTDIR)$(PREFIX)/share/doc/provisiond/'"$${file#docs/}"; done
	set -e; for file in $(wildcard docs/*.md docs/iam-policy.json); do \
		install -m 0644 "$$file" '$(DESTDIR)$(PREFIX)/share/doc/provisiond/'; done

deb: daemons $(subscribers) ## a Debian package in build/, of what `make install PREFIX=/usr` installs
	@MAKE='$(MAKE)' sh .ci/deb/build '$(BUILD)'

container: deb binaries ## the package in a booted Debian (debootstrap, systemd-nspawn; root): start, reload, watchdog, stop
	@BUILD='$(BUILD)' $(PYTHON) tests/container/run.py

clean: ## remove build/
	rm -rf build

help: ## this list
	@echo 'make TARGET [V=1] [CC=clang] [SAN=address,undefined] [FILTER=word] [SPEED=n]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

FORCE:
