//! The trials of the fuzz targets, with every input that was found to be of interest, and with some at random.

#[path = "support/trials/mod.rs"]
mod trials;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use trials::{TRIALS, connection};

#[test]
fn what_was_found_stays_mended() {
    for (name, trial) in TRIALS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for input in inputs {
            let path = input.expect("an entry").path();
            // Which one it was is in the output of a test that fails.
            println!("{}", path.display());
            trial(&fs::read(&path).expect("a file"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clients_get_what_they_were_promised(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
        connection::run(&bytes);
    }
}
