//! Comma-separated values. Source: RFC 4180.
//!
//! A spreadsheet takes a cell that begins with certain characters for a formula, also between quotes. What strangers wrote (a message, an
//! order's id) must not become one, so such cells begin with an apostrophe.

/// What a formula begins with, also in the wide forms that Korean and Japanese spreadsheets take for the same, and white space that
/// they pass over before one.
///
/// Source: OWASP, CSV injection.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// So that spreadsheets read it as UTF-8.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Adds a row.
pub(crate) fn push_row<'c>(text: &mut String, cells: impl IntoIterator<Item = &'c str>) {
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(FORMULA_STARTS) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for start in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x"]
        {
            assert!(quoted(start).starts_with("\"'"), "{start:?}");
        }
        assert_eq!(quoted("1=1"), "\"1=1\"");
    }

    #[test]
    fn quotes_commas_and_lines_stay_within_their_cell() {
        let mut text = String::new();
        push_row(&mut text, ["a\"b", "c,d", "e\nf", ""]);
        assert_eq!(text, "\"a\"\"b\",\"c,d\",\"e\nf\",\"\"\r\n");
    }
}
