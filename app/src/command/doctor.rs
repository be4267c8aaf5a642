//! `seungin doctor`: looks at everything that the product needs and says of each whether it is well, and what to do if not.
//!
//! It changes nothing, sends nothing to Toss that needs a key, and looks at everything even when
//! the first thing is broken. One file per thing that is looked at; here is what they have in common, and how it is told.

mod database;
mod place;
mod queue;
mod toss;

use std::fmt::Write as _;

use serde::Serialize;

use crate::banner::Style;
use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;

/// What was found out about one thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What it is about.
    name: &'static str,
    status: Verdict,
    /// How it is.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and will not for long or not well.
    Warn,
    /// It does not work.
    Fail,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        }
    }
}

impl Finding {
    fn ok(name: &'static str, found: impl Into<String>) -> Finding {
        Finding { name, status: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { status: Verdict::Warn, advice: Some(advice.into()), ..Finding::ok(name, found) }
    }

    fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { status: Verdict::Fail, advice: Some(advice.into()), ..Finding::ok(name, found) }
    }
}

/// All findings, as `--json` prints them.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    /// Whether nothing fails.
    ok: bool,
    checks: &'a [Finding],
}

/// How to tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Telling {
    /// One JSON object.
    Json,
    /// Lines for people.
    Lines(Style),
}

/// Looks at everything. `clock` is this machine's, in milliseconds UTC.
///
/// # Errors
/// Something fails; what and what to do has been printed.
pub(crate) async fn run(
    config: &Config,
    telling: Telling,
    clock: &(dyn Fn() -> i64 + Sync),
) -> Result<(), Failure> {
    let mut findings = vec![place::check_configuration(config)];
    findings.extend(place::check_data_dir(config));
    findings.extend(place::check_open_files(config));
    findings.extend(database::check(config, clock).await);
    findings.push(queue::check(config).await);
    findings.extend(toss::check(config).await);
    let failed = findings.iter().filter(|one| one.status == Verdict::Fail).count();
    print(&match telling {
        Telling::Json => {
            let told = Findings { ok: failed == 0, checks: &findings };
            format!("{:#}\n", serde_json::json!(told))
        }
        Telling::Lines(style) => lines(&findings, style),
    })?;
    match failed {
        0 => Ok(()),
        failed => Err(anyhow::anyhow!("{failed} of {} checks failed", findings.len()).into()),
    }
}

fn lines(findings: &[Finding], style: Style) -> String {
    let width = findings.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { name, status, found, advice } in findings {
        let word = format!("{:4}", status.word());
        let word = match status {
            Verdict::Ok => style.green(&word),
            Verdict::Warn => style.bold(&word),
            Verdict::Fail => style.red(&word),
        };
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{word}  {name:width$}  {found}");
        if let Some(advice) = advice {
            let _infallible = writeln!(text, "      {:width$}  -> {advice}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_how_it_is_and_what_to_do() {
        let findings = [
            Finding::ok("database", "PostgreSQL 15"),
            Finding::fail("migrations", "2 are missing", "seungin migrate"),
        ];
        let told = lines(&findings, Style::Plain);
        assert_eq!(
            told,
            "ok    database    PostgreSQL 15\n\
             FAIL  migrations  2 are missing\n      \
             \u{20}           -> seungin migrate\n"
        );
        let told = serde_json::json!(Findings { ok: false, checks: &findings });
        assert_eq!(told["checks"][1]["advice"], "seungin migrate");
        assert_eq!(told["checks"][1]["status"], "fail");
        assert!(told["checks"][0].get("advice").is_none());
    }
}
