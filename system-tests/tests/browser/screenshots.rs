//! Where screenshots go, and which of them the README shows.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Screenshots of the README: the test and the page that they are from, their names there.
const DOCUMENTED: [(&str, &str, &str); 4] = [
    ("phone", "2-menu", "shop-phone.png"),
    ("phone", "5-window", "window-phone.png"),
    ("console-desktop", "overview-en-light", "console-overview.png"),
    ("console-desktop", "job-en-dark", "console-job.png"),
];
/// A repository is cloned by everybody.
const DOCUMENTED_BYTES_MAX: usize = 200 * 1024;

/// Keeps a screenshot in `target/screenshots/{test}/`; also for the README, if that is asked for.
pub(crate) fn keep(test: &str, page: &str, png: &[u8]) {
    let directory = Path::new(ROOT).join("target/screenshots").join(test);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(format!("{page}.png")), png).unwrap();
    let documented = DOCUMENTED.iter().find(|(own_test, own, _)| (*own_test, *own) == (test, page));
    let Some((_, _, file)) = documented else { return };
    assert!(png.len() <= DOCUMENTED_BYTES_MAX, "{file} would have {} bytes", png.len());
    if is_documentation_updated() {
        let directory = Path::new(ROOT).join("docs/images");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(file), png).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is asked to write documents by a variable")]
fn is_documentation_updated() -> bool {
    std::env::var("UPDATE_DOCS").is_ok()
}
