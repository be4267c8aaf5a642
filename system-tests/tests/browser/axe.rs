//! axe-core, the checker of accessibility, as npm has it: installed by the lock in `axe/` when it is not there yet.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/axe");
/// WCAG 2.2 up to AA, and what axe calls best practice.
pub(crate) const RUN: &str = "const done = arguments[arguments.length - 1]; \
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']; \
    axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }) \
      .then((result) => done(result.violations.map((it) => \
        `${it.id}: ${it.nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary}`).join('; ')}`))) \
      .catch((error) => done([`axe failed: ${error}`]));";

/// The script, to be run in a page before [`RUN`].
pub(crate) fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let script = Path::new(FOLDER).join("node_modules/axe-core/axe.min.js");
        if !script.exists() {
            let arguments =
                ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
            let done = Command::new("npm").args(arguments).current_dir(FOLDER).status();
            let is_done = done.as_ref().is_ok_and(|status| status.success());
            assert!(
                is_done,
                "axe-core could not be installed ({done:?}): apt-get install nodejs npm"
            );
        }
        std::fs::read_to_string(script).unwrap()
    })
}
