//! PostgreSQL's own load generator on the floor's two statements: what the database alone allows on this machine. The floor has to come
//! near it, or it is no measure of anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use system_tests::Process;

use crate::backlog::job_id_sql;
use crate::statements::{CLAIM, SETTLE, SETTLE_PARAMETERS, with_words};

/// Starts it on a backlog of this many jobs, each done once, by so many connections.
pub(crate) fn start(
    directory: &Path,
    database_url: &str,
    jobs: u32,
    connections: u16,
) -> anyhow::Result<Process> {
    let script = directory.join("pgbench.sql");
    std::fs::write(&script, script_text()).context("the script of pgbench")?;
    let mut command = Command::new(program());
    command.args(["-n", "-M", "prepared", "-c", &connections.to_string(), "-j", "1"]);
    command.args(["-t", &(jobs / u32::from(connections)).to_string()]);
    // Each of the clients has a counter of its own.
    command.args(["-D", "round=-1", "-D", &format!("clients={connections}")]);
    for (name, value) in VALUES {
        command.args(["-D", &format!("{name}={value}")]);
    }
    command.args(["-D", &format!("answer={}", "x".repeat(ANSWER_BYTES))]);
    command.arg("-f").arg(&script).arg(database_url);
    let missing = "install PostgreSQL's server package, of which pgbench is a part";
    Ok(Process::start(command, directory, "pgbench", missing))
}

/// As long as the stub's answer about such a payment.
const ANSWER_BYTES: usize = 1_360;

/// What a settlement of the floor has as parameters, as long as there.
const VALUES: [(&str, &str); 12] = [
    ("claim", "1"),
    ("method", "카드"),
    ("approved_at", "1793502010000"),
    ("receipt", "https://dashboard.tosspayments.com/receipt/bench"),
    ("transaction", "txrd_bench_00000000000000000000"),
    ("issuer", "61"),
    ("card", "12345678****789*"),
    ("hash", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
        "call",
        r#"{"operation":"confirm","payment_key":"tbench000000000000000000000001","order_id":"01980000-0000-7000-8000-000000000001","amount":18000}"#,
    ),
    ("started_at", "1793502010000"),
    ("ms", "1"),
    ("status", "200"),
];

/// A claim and a settlement for each job, as the floor makes them; jobs are numbered over all clients.
fn script_text() -> String {
    let job_id = job_id_sql(":job::bigint");
    let worker = "'floor-00000000-0000-7000-8000-000000000000'".to_owned();
    let claim = with_words(CLAIM, &[job_id.clone(), worker.clone()]);
    let mut words = vec![job_id.clone()];
    words.extend(VALUES[..7].iter().map(|(name, _)| format!(":{name}")));
    words.push(":answer".to_owned());
    words.push(job_id);
    words.extend(VALUES[7..].iter().map(|(name, _)| format!(":{name}")));
    words.push(worker);
    assert_eq!(words.len(), SETTLE_PARAMETERS, "a word for every parameter");
    let settle = with_words(SETTLE, &words);
    format!(
        "\\set round :round + 1\n\\set job :round * :clients + :client_id\n{claim};\n{settle};\n"
    )
}

/// Debian keeps the server's programs of each version apart; the newest one is taken, or else the one on the path.
fn program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin/pgbench"));
    let newest = programs.filter(|program| program.exists()).max_by_key(|program| {
        let version = program.ancestors().nth(2).and_then(Path::file_name)?.to_str()?;
        version.parse::<u32>().ok()
    });
    newest.unwrap_or_else(|| PathBuf::from("pgbench"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_a_value_for_everything_and_both_statements() {
        let script = script_text();
        assert!(!script.contains('$'), "{script}");
        assert_eq!(script.lines().count(), 4);
        let names: Vec<&str> = VALUES.iter().map(|(name, _)| *name).collect();
        let own = ["job", "round", "clients", "client_id", "answer"];
        let mut used = 0;
        for word in script.replace("::", "  ").split(':').skip(1) {
            let name: String =
                word.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            assert!(names.contains(&name.as_str()) || own.contains(&name.as_str()), "{name}");
            used += 1;
        }
        assert!(used > names.len());
    }
}
