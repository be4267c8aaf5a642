//! What needs no server: the configuration, the data directory, what the system lets the process open.

use std::path::Path;

use crate::config::{Config, Deployment, TossChoice};
use crate::data_dir::instance;

use super::Finding;

/// File descriptors of a process beside its connections from customers.
const OTHER_FILES: usize = 512;

/// It was read and fits together, or this would not run.
pub(super) fn check_configuration(config: &Config) -> Finding {
    let name = "configuration";
    let environment = match config.deployment {
        Deployment::Development => "development",
        Deployment::Production => "production",
    };
    let found = format!("it fits together, for {environment}");
    let moves_money =
        matches!(&config.toss, TossChoice::Toss { merchants, .. } if merchants.are_live());
    match config.deployment {
        Deployment::Development if moves_money => {
            let advice = "set environment = \"production\": it refuses what is only for trying out";
            Finding::warn(name, format!("{found}, and the keys of Toss move money"), advice)
        }
        Deployment::Development | Deployment::Production => Finding::ok(name, found),
    }
}

/// The directory of the embedded product. One that is not there is made by whoever needs it.
pub(super) fn check_data_dir(config: &Config) -> Option<Finding> {
    let name = "data directory";
    let path = config.data_dir.as_path();
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return config.database.url.is_none().then(|| {
                Finding::ok(name, format!("{shown} is made at the first start of `seungin`"))
            });
        }
        Err(error) => {
            let advice = "choose another by --data-dir, or correct the permissions above it";
            return Some(Finding::fail(name, format!("{shown} cannot be used: {error}"), advice));
        }
    };
    if !metadata.is_dir() {
        let advice = "choose another by --data-dir";
        return Some(Finding::fail(name, format!("{shown} is a file"), advice));
    }
    if let Err(error) = tempfile::tempfile_in(path) {
        let advice = "run as the user who owns it, or choose another by --data-dir";
        return Some(Finding::fail(name, format!("{shown} cannot be written to: {error}"), advice));
    }
    if is_open_to_others(path) {
        let found = format!("other users can get into {shown}, which holds orders and secrets");
        return Some(Finding::warn(name, found, format!("chmod 700 {shown}")));
    }
    Some(Finding::ok(
        name,
        match instance::find(path) {
            Some(instance) => format!("{shown}, used by process {}", instance.pid),
            None => format!("{shown}, its owner's only"),
        },
    ))
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Elsewhere modes say nothing.
#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// What the system allows, where it can be read.
pub(super) fn check_open_files(config: &Config) -> Option<Finding> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let needed = config.api.connections_max().saturating_add(OTHER_FILES);
    Some(judge_open_files(soft_limit(&limits)?, needed))
}

/// `None` for no limit at all, and for a text that is none.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

fn judge_open_files(limit: usize, needed: usize) -> Finding {
    let name = "open files";
    let found = format!("{limit} at once");
    if limit >= needed {
        return Finding::ok(name, found);
    }
    let advice = format!(
        "an API process that is busy needs {needed}: ulimit -n, or LimitNOFILE= of its service"
    );
    Finding::warn(name, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::Verdict;

    #[test]
    fn the_limit_of_open_files_is_read_as_the_system_writes_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1_024));
        assert_eq!(judge_open_files(1_024, 4_608).status, Verdict::Warn);
        assert_eq!(judge_open_files(4_608, 4_608).status, Verdict::Ok);
        assert_eq!(soft_limit("Max open files  unlimited  unlimited  files"), None);
        assert_eq!(soft_limit(""), None);
    }
}
