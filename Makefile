# Sluice: make run, make test; see README.md.
.PHONY: run test build deb install-deps install-test-deps lint format clean

SWIFT_FLAGS = --explicit-target-dependency-import-check error
RELEASE_FLAGS = -c release --static-swift-stdlib $(SWIFT_FLAGS)

# Installs, builds, starts server and agent on pipeline.yml, ships samples/ and shows what happened.
# ONCE=1 ends with status 0 when every answer was right, instead of going on serving.
run: build
	@ONCE="$(ONCE)" samples/demo.sh

# Everything: unit tests, recorded answers, real clients and daemons. A few tests at a time: started
# all at once, each waits minutes for its next turn. The tests of the network take sockets and short
# time limits, and run one after another.
test: install-test-deps build
	swift build --build-tests $(SWIFT_FLAGS)
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=6 \
	  swift test --skip-build --parallel --skip HTTPTests
	swift test --skip-build --no-parallel --filter HTTPTests
	Tests/Acceptance/run.sh

# The release binary: .build/release/sluice
build: install-deps
	swift build $(RELEASE_FLAGS) --product sluice

# A Debian package of the release binary, in .build; packaging/check tries it.
deb: build
	@packaging/build-deb

# The Debian packages that building and running need; installs nothing when all are there.
install-deps:
	@.ci/install-packages build

install-test-deps:
	@.ci/install-packages build test

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

format:
	swift format --in-place --recursive Package.swift Sources Tests

clean:
	rm -rf .build data out
