//! Figures of several runs: medians, quantiles, a table for people and JSON for machines. Whole numbers only.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// What is measured, with its unit last. The key is that of the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
}

/// What one run of one contender came to. `None` is what cannot be measured here, or has no meaning for it.
pub(crate) type Run = Vec<Option<u64>>;

/// Somebody who does the work.
#[derive(Debug)]
struct Contender {
    name: &'static str,
    runs: Vec<Run>,
}

/// A workload's figures: the same ones of every contender.
#[derive(Debug)]
pub(crate) struct Figures {
    title: String,
    figures: Vec<Figure>,
    contenders: Vec<Contender>,
    is_compared: bool,
}

impl Figures {
    pub(crate) fn new(title: String, figures: &[Figure], contenders: &[&'static str]) -> Figures {
        let contender = |name: &&'static str| Contender { name, runs: Vec::new() };
        let contenders = contenders.iter().map(contender).collect();
        Figures { title, figures: figures.to_vec(), contenders, is_compared: true }
    }

    /// The same where the contenders do different work, and nothing is said by one as a share of another.
    pub(crate) fn apart(self) -> Figures {
        Figures { is_compared: false, ..self }
    }

    /// Adds a run of a contender.
    pub(crate) fn add(&mut self, name: &str, run: Run) {
        assert_eq!(run.len(), self.figures.len(), "a run has every figure");
        let contender = self.contenders.iter_mut().find(|one| one.name == name);
        contender.expect("contenders are known from the start").runs.push(run);
    }

    /// The median of a contender's runs.
    pub(crate) fn median(&self, name: &str, key: &str) -> Option<u64> {
        let place = self.figures.iter().position(|figure| figure.key == key)?;
        let contender = self.contenders.iter().find(|one| one.name == name)?;
        let values: Option<Vec<u64>> =
            contender.runs.iter().map(|run| run.get(place).copied().flatten()).collect();
        median(&values?)
    }

    /// A row per figure, a column per contender, and the last one as hundredths of the one before it where they are compared.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n", self.title);
        let width = self.figures.iter().map(|figure| figure.title.chars().count()).max();
        let width = width.unwrap_or_default();
        let mut row = |title: &str, cells: &[String], last: &str| {
            let cells: String = cells.iter().map(|cell| format!(" {cell:>10}")).collect();
            writeln!(text, "  {title:<width$}{cells} {last:>16}").expect("a String takes all");
        };
        let names: Vec<String> = self.contenders.iter().map(|one| one.name.to_owned()).collect();
        let compared = match names.as_slice() {
            [.., other, last] if self.is_compared => Some((other.clone(), last.clone())),
            _ => None,
        };
        let heading =
            compared.as_ref().map_or_else(String::new, |(other, last)| format!("{last} / {other}"));
        row("", &names, &heading);
        for figure in &self.figures {
            let of = |name: &String| self.median(name, figure.key);
            let cells: Vec<String> = names
                .iter()
                .map(|name| of(name).map_or_else(|| "–".to_owned(), |value| value.to_string()))
                .collect();
            let ratio = compared.as_ref().and_then(|(other, last)| percent(of(last)?, of(other)?));
            let ratio = ratio.map_or_else(String::new, |percent| format!("{percent} %"));
            row(figure.title, &cells, &ratio);
        }
        text
    }

    /// Medians and single runs, by contender and figure.
    pub(crate) fn json(&self) -> Value {
        let mut contenders = Map::new();
        for contender in &self.contenders {
            let mut figures = Map::new();
            for (place, figure) in self.figures.iter().enumerate() {
                let runs: Vec<Option<u64>> =
                    contender.runs.iter().map(|run| run.get(place).copied().flatten()).collect();
                let median = self.median(contender.name, figure.key);
                figures.insert(figure.key.to_owned(), json!({"median": median, "runs": runs}));
            }
            contenders.insert(contender.name.to_owned(), Value::Object(figures));
        }
        json!({"title": self.title, "contenders": contenders})
    }
}

/// So many hundredths of another number; `None` of zero.
pub(crate) fn percent(value: u64, of: u64) -> Option<u64> {
    value.checked_mul(100)?.checked_div(of)
}

/// The middle one; of an even number the lower of both in the middle.
pub(crate) fn median(values: &[u64]) -> Option<u64> {
    quantile(values, 500)
}

/// The smallest value that at least so many thousandths of all do not exceed.
pub(crate) fn quantile(values: &[u64], thousandths: usize) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * thousandths).div_ceil(1_000);
    sorted.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: [Figure; 2] = [
        Figure { key: "jobs_per_s", title: "jobs/s" },
        Figure { key: "peak_kib", title: "peak memory, KiB" },
    ];

    #[test]
    fn a_quantile_is_a_value_that_so_many_do_not_exceed() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        for (thousandths, wanted) in
            [(0, 1), (10, 1), (500, 50), (501, 51), (990, 99), (1_000, 100)]
        {
            assert_eq!(quantile(&hundred, thousandths), Some(wanted), "{thousandths}");
        }
        assert_eq!((quantile(&[7], 990), quantile(&[], 500)), (Some(7), None));
        assert_eq!((median(&[9, 1, 5]), median(&[4, 2])), (Some(5), Some(2)));
    }

    #[test]
    fn a_share_of_nothing_is_none() {
        assert_eq!((percent(3, 2), percent(1, 3), percent(5, 0)), (Some(150), Some(33), None));
    }

    fn figures() -> Figures {
        let mut figures =
            Figures::new("drain".to_owned(), &FIGURES, &["pgbench", "floor", "product"]);
        for (name, rates) in [
            ("pgbench", [3_000, 2_900, 3_100]),
            ("floor", [2_000, 2_500, 1_000]),
            ("product", [900, 1_000, 1_100]),
        ] {
            for rate in rates {
                let peak = (name != "pgbench").then_some(rate * 2);
                figures.add(name, vec![Some(rate), peak]);
            }
        }
        figures
    }

    #[test]
    fn a_table_has_medians_and_compares_the_last_two() {
        let wanted = "\
drain
                      pgbench      floor    product  product / floor
  jobs/s                 3000       2000       1000             50 %
  peak memory, KiB          –       4000       2000             50 %
";
        assert_eq!(figures().table(), wanted);
    }

    #[test]
    fn nothing_is_said_of_one_as_a_share_of_another_where_they_do_different_work() {
        let table = figures().apart().table();
        assert!(table.contains("2000") && !table.contains('%'), "{table}");
        assert!(!table.contains("product / floor"), "{table}");
    }

    #[test]
    fn json_has_the_single_runs_too() {
        let json = figures().json();
        let floor = &json["contenders"]["floor"]["jobs_per_s"];
        assert_eq!(*floor, json!({"median": 2_000, "runs": [2_000, 2_500, 1_000]}));
        let none = &json["contenders"]["pgbench"]["peak_kib"];
        assert_eq!(*none, json!({"median": null, "runs": [null, null, null]}));
    }
}
