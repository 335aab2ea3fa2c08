# `make help` lists the verbs. Everything is built in build/: the files of a spec in build/<name>/, the compiler as build/zoetrope, the
# tests in build/tests/. All other paths there have a dot or a hyphen, so no spec's name (a C identifier) can clash with them.
#
# SPEC is the spec that generate and trainer compile. ZOETROPE_OPTIONS are further options of the compiler (`make trainer
# ZOETROPE_OPTIONS="--filtering none"`, or `"--max-ram 216M"`). TUNING is a tuning file, as `make tune` writes it.
SPEC ?= specs/gru_ae.yaml
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share/zoetrope
export SPEC TUNING WEIGHTS TARGETS ENDIAN WEIGHTS_AS PRECISION RECURRENCE CLIPS

# One job for each processor, unless the caller sets -j.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
MAKEFLAGS += --no-print-directory $(if $(V),,-s)

# `make V=1` shows the commands. The caller may set CFLAGS and LDFLAGS, which are added at the end of each command.
Q = $(if $(V),,@echo "  $@" &&)
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes
OWN = -std=gnu11 -D_GNU_SOURCE -O2 -g -fopenmp $(WARNINGS) -MMD -MP
GENERATED = -std=c11 -O2 -fopenmp -Wall -Wextra -Wconversion -Iruntime -MMD -MP
LIBAV = libavformat libavcodec libswscale libavutil
TRAINER_LIBRARIES = $(shell pkg-config --libs $(LIBAV) libpng zlib jansson) -lpthread -lm
# For a trainer some of whose kernels call BLAS, as a tuning file may ask.
BLAS = $(if $(shell grep -l '^\#include <cblas.h>' build/$(NAME)/generated/*.c 2>/dev/null),$(shell pkg-config $(1) openblas))
CHECK_LIBRARIES = $(shell pkg-config --libs check)

COMPILER = $(patsubst compiler/%.c,build/compiler-objects/%.o,$(wildcard compiler/*/*.c)) build/compiler-objects/templates.o
# The interpreter of loops is only for tests.
SHIPPED = $(filter-out build/compiler-objects/interpret/%,$(COMPILER))
RUNTIME = $(patsubst runtime/%.c,build/runtime-objects/%.o,$(wildcard runtime/*/*.c))
TESTS = $(patsubst tests/%.c,build/tests/%.o,$(wildcard tests/*.c))
# The objects of one trainer. NAME is set when make calls itself.
MODEL = $(patsubst build/$(NAME)/generated/%.c,build/$(NAME)/%.o,$(wildcard build/$(NAME)/generated/*.c))

# Several makes may run at the same time. A lock lets one of them build what they share. Each name has a lock for its own files.
ALONE = mkdir -p build && flock build/.lock $(MAKE)
# Programs that call make must not inherit these.
APART = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

help: ## list these verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || grep -h '##' Makefile

all: compiler trainer ## build the compiler and the trainer of SPEC

compiler: deps ## build the compiler, build/zoetrope
	@+$(ALONE) build/zoetrope

generate: compiler ## write the C of SPEC to build/<name>/generated/ (for specs/gru_ae.yaml: generated/gru_ae/)
	@scripts/generate.sh "$$SPEC" sample >/dev/null

trainer: deps ## build the trainer of SPEC, build/<name>/<name> (default specs/gru_ae.yaml)
	@+$(ALONE) build/zoetrope build/runtime.a
	@+name=$$(scripts/generate.sh "$$SPEC") && \
	{ ! grep -q '^#include <cblas.h>' "build/$$name/generated/"*.c || scripts/deps.sh blas; } && flock "build/$$name/.lock" $(MAKE) "build/$$name/$$name" NAME="$$name"

inference: compiler ## write build/<name>/inference/: C that runs SPEC with WEIGHTS=… (TARGETS=…, PRECISION=int8, RECURRENCE=carried, CLIPS=…, ENDIAN=big, WEIGHTS_AS=object)
	@+$(if $(CLIPS),$(ALONE) build/runtime.a)
	@scripts/inference.sh "$$SPEC"

tune: compiler ## measure the best choices for the kernels of SPEC on this machine: specs/tuning/<name>.<cpu>.yaml (TARGETS=…)
	@build/zoetrope tune "$$SPEC" $(if $(TARGETS),--targets "$$TARGETS")

demo: deps ## train a small network on videos that it draws itself
	@$(APART) scripts/demo.sh

test: deps-test ## run the fast tests: a few minutes
	@+$(ALONE) build/tests/run
	@+$(MAKE) trainer SPEC=tests/fixtures/parity_small.yaml
	@+for name in gan_small vae_small; do CFLAGS="-O1 $$CFLAGS" $(MAKE) trainer SPEC=tests/fixtures/$$name.yaml || exit; done
	@$(APART) tests/run.sh quick

test-slow: deps-slow ## run the slow tests: sanitizers, valgrind, PyTorch, aarch64 and others
	@+$(MAKE) compiler
	@$(APART) tests/run.sh slow

SECONDS ?= 600
fuzz: deps-fuzz compiler ## run a bundle on hostile files of weights, with libFuzzer (SECONDS=600)
	@tests/fuzz.sh $(SECONDS)

parity: deps-python ## compare trainers and bundles with PyTorch (PARITY="--count 12 --targets avx2")
	@$(APART) scripts/python.sh tests/parity/parity.py $(PARITY)

bench: deps-python deps-bench ## time training, convolutions, linear layers and inference beside other frameworks (THREADS=1)
	@+$(MAKE) compiler
	@export REQUIREMENTS=tests/bench/requirements.txt; \
	$(APART) scripts/python.sh tests/bench/inference.py && $(APART) scripts/python.sh tests/bench/convolutions.py && \
	    $(APART) scripts/python.sh tests/bench/linear.py && \
	    $(APART) scripts/python.sh tests/bench/bench.py

bench-scale: deps-python ## time training steps of many shapes beside their rooflines
	@$(APART) scripts/python.sh tests/bench/scale.py

bench-family: deps-python ## time iterations of the six systems of specs/, and a search, beside PyTorch (FAMILY="--only vae")
	@+$(MAKE) compiler
	@$(APART) scripts/python.sh tests/bench/family.py $(FAMILY)

deps: ## install the packages that building needs
	@scripts/deps.sh build

deps-%:
	@scripts/deps.sh build $*

install: compiler ## install the compiler, the runtime's source and the specs in PREFIX (default /usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/runtime" "$(SHARE)/specs/tuning"
	install build/zoetrope "$(DESTDIR)$(PREFIX)/bin"
	install -m 644 runtime/*.h "$(SHARE)/runtime"
	for room in runtime/*/; do install -d "$(SHARE)/$$room" && install -m 644 "$$room"*.[ch] "$(SHARE)/$$room" || exit; done
	install -m 644 specs/*.yaml "$(SHARE)/specs"
	install -m 644 specs/tuning/*.yaml "$(SHARE)/specs/tuning"
	install -m 644 docs/spec.md LICENSE "$(SHARE)"
	@echo "installed $(DESTDIR)$(PREFIX)/bin/zoetrope; and in $(SHARE): runtime/, specs/, spec.md, LICENSE"

format: deps-format ## format all C files
	@clang-format -i $(wildcard */*.[ch] compiler/*/*.[ch] runtime/*/*.[ch] tests/*/*.[ch] examples/*/*.[ch])

check-format: deps-format ## list the C files that are not formatted
	@clang-format --dry-run --Werror $(wildcard */*.[ch] compiler/*/*.[ch] runtime/*/*.[ch] tests/*/*.[ch] examples/*/*.[ch])

clean: ## remove build/
	rm -rf build

# What the compiler shares with trainers: reading weights.
SHARED = $(patsubst %,build/runtime-objects/%.o,weights/safetensors weights/state_dict weights/name_prefix common/file common/text common/whole_number)
build/zoetrope: $(SHIPPED) $(SHARED)
	$(Q) $(CC) -fopenmp $^ $(CFLAGS) $(LDFLAGS) -lyaml $(shell pkg-config --libs jansson) -lm -o $@

# The files of an inference bundle that are the same for every network except for names, as strings.
TEMPLATES = $(wildcard compiler/bundle/templates/*) runtime/model.h runtime/exact.h
build/compiler-objects/templates.c: $(TEMPLATES) scripts/templates.sh
	@mkdir -p $(@D)
	@scripts/templates.sh $(TEMPLATES) >$@

build/compiler-objects/templates.o: build/compiler-objects/templates.c
	$(Q) $(CC) $(OWN) $(CFLAGS) -c $< -o $@

# For tests that draw weights: all of it but main.
build/compiler.a: $(filter-out %/main.o,$(COMPILER))
	$(Q) rm -f $@ && ar rcs $@ $^

build/runtime.a: $(RUNTIME)
	$(Q) rm -f $@ && ar rcs $@ $^

build/$(NAME)/$(NAME): $(MODEL) build/runtime.a
	$(Q) $(CC) -fopenmp $(MODEL) build/runtime.a $(CFLAGS) $(LDFLAGS) $(TRAINER_LIBRARIES) $(call BLAS,--libs) -o $@.new && mv $@.new $@

build/tests/run: $(TESTS) $(filter-out %/main.o,$(COMPILER) $(RUNTIME))
	$(Q) $(CC) -fopenmp $^ $(CFLAGS) $(LDFLAGS) $(CHECK_LIBRARIES) -lyaml $(TRAINER_LIBRARIES) -o $@

# The interpreter checks every access itself. A sanitizer would make it many times as slow.
build/compiler-objects/interpret/%.o: private CFLAGS := $(filter-out -fsanitize=% -O1,$(CFLAGS))

build/compiler-objects/%.o: compiler/%.c
	@mkdir -p $(@D)
	$(Q) $(CC) $(OWN) -Icompiler -Iruntime $(CFLAGS) -c $< -o $@

build/runtime-objects/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(Q) $(CC) $(OWN) -Iruntime $(CFLAGS) -c $< -o $@

build/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(Q) $(CC) $(OWN) -Icompiler -Iruntime -Ibuild/tests $(CFLAGS) -c $< -o $@

# Every suite of the tests, for main.c: SUITE(spec) …
build/tests/main.o: build/tests/suites.h
build/tests/suites.h: $(wildcard tests/test_*.c)
	@mkdir -p $(@D)
	@sed -n 's/^Suite \*\([a-z_0-9]*\)_suite(void).*/SUITE(\1)/p' $^ | sort -u >$@

build/$(NAME)/%.o: build/$(NAME)/generated/%.c
	$(Q) $(CC) $(GENERATED) $(call BLAS,--cflags) $(CFLAGS) -c $< -o $@

-include $(wildcard build/*/*.d build/*/*/*.d)
.PHONY: help all compiler generate trainer inference tune demo test test-slow fuzz parity bench bench-scale bench-family deps install format check-format clean
.DELETE_ON_ERROR:
