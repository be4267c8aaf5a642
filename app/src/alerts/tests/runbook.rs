//! The runbook is complete: a paragraph for each alert, rule and reason, and none for what is gone.

use std::collections::BTreeSet;

use domain::policy::ReviewReason;

use crate::alerts::CODES;

const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");
const RULES: &str = include_str!("../../../../deploy/prometheus/alerts.yml");
const METRICS: &str = include_str!("../../../../docs/metrics.md");

/// What every paragraph says.
const POINTS: [&str; 5] = ["Means", "Customers", "Look", "Do", "Ends"];

/// The third-level headings of a chapter, each with its text.
fn paragraphs(chapter: &str) -> Vec<(&'static str, &'static str)> {
    let mut chapters = RUNBOOK.split("\n## ").skip(1);
    let found = chapters.find(|text| text.lines().next() == Some(chapter));
    let text = found.unwrap_or_else(|| panic!("no chapter {chapter}"));
    let paragraphs = text.split("\n### ").skip(1);
    paragraphs
        .map(|paragraph| {
            let (heading, text) = paragraph.split_once('\n').unwrap();
            (heading.trim_matches('`'), text)
        })
        .collect()
}

fn headings(chapter: &str) -> Vec<&'static str> {
    let mut headings: Vec<_> =
        paragraphs(chapter).into_iter().map(|(heading, _)| heading).collect();
    let count = headings.len();
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), count, "a heading of {chapter} stands there twice");
    headings
}

/// What stands behind a key of the rules, in order.
fn values_of(key: &str) -> Vec<&'static str> {
    let begin = format!("{key}: ");
    let lines = RULES.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(begin.as_str())).map(str::trim).collect()
}

fn sorted(words: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_unstable();
    words
}

#[test]
fn every_alert_rule_and_reason_has_its_paragraph_and_there_is_no_other() {
    assert_eq!(headings("Alerts of the log"), CODES);
    assert_eq!(headings("Rules of Prometheus"), sorted(values_of("alert")));
    assert_eq!(headings("Reasons"), sorted(ReviewReason::ALL.map(ReviewReason::word)));
}

#[test]
fn every_paragraph_says_what_it_means_whom_it_touches_what_to_do_and_when_it_ends() {
    let chapters = ["Alerts of the log", "Rules of Prometheus", "Reasons"];
    for (heading, text) in chapters.into_iter().flat_map(paragraphs) {
        let points: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
        assert_eq!(points.len(), POINTS.len(), "{heading}");
        for (point, line) in POINTS.into_iter().zip(points) {
            let said = line.strip_prefix(&format!("- **{point}:** "));
            let said = said.unwrap_or_else(|| panic!("{heading} does not say {point}: {line}"));
            assert!(said.len() > 5 && said.ends_with('.'), "{heading}: {line}");
        }
    }
}

#[test]
fn rules_count_what_happened_by_counters_because_a_gauge_of_kept_rows_stands_still_when_it_is_full()
{
    for expression in values_of("expr") {
        assert!(!expression.contains("delta("), "{expression}");
    }
    let poison = RULES.split("alert: SeunginPoisonMessages").nth(1).unwrap();
    let poison = poison.split("- alert:").next().unwrap();
    assert!(poison.contains(r#"increase(seungin_alerts_total{code="poison_message"}"#), "{poison}");
}

#[test]
fn every_link_within_the_runbook_leads_somewhere() {
    let anchor = |heading: &str| heading.trim_matches('`').to_lowercase().replace(' ', "-");
    let anchors: BTreeSet<String> = RUNBOOK
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .map(anchor)
        .collect();
    let links = RUNBOOK.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap());
    let linked = values_of("runbook");
    let linked = linked.iter().map(|link| link.strip_prefix("docs/runbook.md#").unwrap());
    for link in links.chain(linked) {
        assert!(anchors.contains(link), "#{link} leads nowhere");
    }
}

#[test]
fn every_rule_has_a_severity_and_leads_to_its_own_paragraph() {
    let names = values_of("alert");
    let severities = values_of("severity");
    assert!(severities.iter().all(|severity| ["page", "ticket"].contains(severity)));
    let links: Vec<String> =
        names.iter().map(|name| format!("docs/runbook.md#{}", name.to_lowercase())).collect();
    assert_eq!(severities.len(), names.len());
    assert_eq!(values_of("runbook"), links);
    assert_eq!(values_of("summary").len(), names.len());
}

#[test]
fn every_metric_that_a_rule_asks_for_exists() {
    let known: BTreeSet<&str> =
        METRICS.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = RULES.split(|c| !is_part(c));
    let asked: BTreeSet<&str> = words.filter(|word| word.starts_with("seungin_")).collect();
    assert!(asked.len() > 15, "{asked:?}");
    for name in asked {
        let family = ["_bucket", "_count"].iter().find_map(|part| name.strip_suffix(part));
        assert!(known.contains(family.unwrap_or(name)), "there is no metric {name}");
    }
}
