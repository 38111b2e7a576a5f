//! Prints `docs/coverage.md`.

fn main() {
    print!("{}", lastmile_tests::coverage::page());
}
