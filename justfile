# Shorter ways to the parts of `.ci/run`, which needs no `just`.

# Lists the recipes.
default:
    @just --list

# Everything a change has to pass.
check:
    .ci/run

# Every test that needs nothing beside Rust.
test *arguments:
    cargo test --workspace {{arguments}}

# Warnings are errors.
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy -p embus --no-default-features -- -D warnings

# Formats the code.
fmt:
    cargo fmt --all

# The documentation of all crates.
doc *arguments:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features {{arguments}}

# Models of the concurrent parts of the engine.
loom:
    CARGO_TARGET_DIR=target/loom RUSTFLAGS="--cfg loom" cargo test -p embus-engine --release --test loom

# One fuzz target, for so many seconds.
fuzz target="decode" seconds="60":
    mkdir -p fuzz/corpus/{{target}} && RUSTC_BOOTSTRAP=1 cargo fuzz run -s none {{target}} fuzz/corpus/{{target}} fuzz/seeds/{{target}} -- -max_total_time={{seconds}} -max_len=4096

# Transcripts against embus and against a nats-server binary.
transcripts nats_server:
    NATS_SERVER={{nats_server}} cargo test --workspace --test transcripts

# Criterion benches of hot functions.
bench *arguments:
    cargo bench -p embus-benches --bench decode --bench encode --bench matching --bench route --bench in_process --bench bucket {{arguments}}

# The end-to-end bench; beside nats-server where NATS_SERVER names a binary.
load *arguments:
    cargo bench -p embus-benches --bench load -- {{arguments}}

# Many seeds of all simulators, other ones each time.
sim-nightly seeds="20000":
    SIM_SEED=$(date +%s) SIM_SEEDS={{seeds}} cargo test --release -p embus-tests --test sim -- every_client streams_keep consumers_deliver every_kind
