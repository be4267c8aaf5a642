//! The pieces that pages of the desk are made of.

use super::place::{Place, hidden};
use crate::http::page::escape;
use crate::payment::Status;
use crate::refusal::Language;

/// A form of one button.
pub(super) fn button(
    place: &Place,
    action: &str,
    fields: &[(&str, &str)],
    text: &str,
    class: &str,
) -> String {
    let fields: String = fields.iter().map(|(name, value)| hidden(name, value)).collect();
    let button = format!("<button class=\"{class}\">{}</button>", escape(text));
    format!(
        "<form method=\"post\" action=\"/_sim/desk/{action}\">{}{fields}{button}</form>",
        place.hidden()
    )
}

/// A form of fields, which are HTML already, and one button.
pub(super) fn form(place: &Place, action: &str, fields: &str, text: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_sim/desk/{action}\" class=\"fields\">{}{fields}<button class=\"main\">{}</button></form>",
        place.hidden(),
        escape(text)
    )
}

/// A labelled text field. `attributes` is HTML.
pub(super) fn field(name: &str, label: &str, attributes: &str) -> String {
    format!("<label><span>{label}</span><input name=\"{name}\" {attributes}></label>")
}

/// A labelled choice; the first option is chosen.
pub(super) fn choice(name: &str, label: &str, options: &[(&str, String)]) -> String {
    let option = |(value, text): &(&str, String)| {
        format!("<option value=\"{value}\">{}</option>", escape(text))
    };
    let options: String = options.iter().map(option).collect();
    format!("<label><span>{label}</span><select name=\"{name}\">{options}</select></label>")
}

/// A titled card around HTML.
pub(super) fn card(title: &str, content: &str) -> String {
    format!("<section class=\"card\"><h2>{title}</h2>{content}</section>")
}

/// A table whose rows become cards on a phone. Heads are texts, cells are HTML.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=\"nothing\">{nothing}</p>");
    }
    let head: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let row = |cells: &Vec<String>| {
        let cell = |(head, cell): (&&str, &String)| {
            let cell = if cell.is_empty() { String::new() } else { format!("<div>{cell}</div>") };
            format!("<td data-label=\"{head}\">{cell}</td>")
        };
        let cells: String = heads.iter().zip(cells).map(cell).collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
}

/// What no line may break: half an amount reads as another amount.
pub(super) fn whole(html: &str) -> String {
    format!("<span class=\"whole\">{html}</span>")
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// An instant of the control side, `2026-01-31T09:05:00+09:00`, as people read it in Korea.
pub(super) fn at(text: &str) -> String {
    let text = text.replace('T', " ").replace("+09:00", "");
    format!("<span class=\"at\">{}</span>", escape(&text))
}

pub(super) fn badge(class: &str, text: &str) -> String {
    format!("<span class=\"badge {class}\">{}</span>", escape(text))
}

pub(super) fn status_badge(status: Status, language: Language) -> String {
    let class = match status {
        Status::Done => "good",
        Status::WaitingForDeposit | Status::InProgress | Status::Ready => "open",
        Status::Canceled | Status::PartialCanceled => "back",
        Status::Aborted | Status::Expired => "bad",
    };
    badge(class, crate::http::receipt::status_text(status, language))
}

/// A link to a payment's own page.
pub(super) fn payment_link(place: &Place, payment_key: &str, text: &str) -> String {
    let address = place.of_payment(payment_key).address();
    format!("<a href=\"{}\">{}</a>", escape(&address), escape(text))
}

/// A switch: what it does, where it stands, and the button that turns it.
pub(super) fn switch(place: &Place, name: &str, title: &str, hint: &str, is_on: bool) -> String {
    let language = place.language;
    let state = if is_on { language.pick("켜짐", "on") } else { language.pick("꺼짐", "off") };
    let turn = if is_on {
        language.pick("끄기", "Turn off")
    } else {
        language.pick("켜기", "Turn on")
    };
    let value = if is_on { "false" } else { "true" };
    format!(
        "<div class=\"switch\"><div><strong>{title}</strong> {}<p>{hint}</p></div>{}</div>",
        badge(if is_on { "warn" } else { "plain" }, state),
        button(place, "switch", &[("name", name), ("value", value)], turn, "small"),
    )
}
