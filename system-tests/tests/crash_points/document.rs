//! Every point is numbered, written down and tested, and every effect has one or says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use system_tests::crash::{Case, Point, Unmarked, armed_binary, cases, points, unmarked_effects};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What stands in the armed binary, and in no other: the name of the variable that arms it.
const VARIABLE: &str = "SEUNGIN_CRASH_POINT_FILE";

#[test]
fn dbg() {
    for u in unmarked_effects() {
        println!("{} {} {}", u.file, u.function, u.count);
    }
    for p in points() {
        println!("{p:?}");
    }
}
