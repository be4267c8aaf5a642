//! Where on the desk somebody is: a view, perhaps one payment, a search, a page and a language. It travels in addresses
//! and in hidden fields of forms.

use std::collections::HashMap;

use crate::http::page::escape;
use crate::http::redirect::append_parameters;
use crate::http::window::language_named;
use crate::refusal::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Payments,
    Webhooks,
    Faults,
    Keys,
    Settings,
}

pub(super) const VIEWS: [View; 5] =
    [View::Payments, View::Webhooks, View::Faults, View::Keys, View::Settings];

impl View {
    fn name(self) -> &'static str {
        match self {
            View::Payments => "payments",
            View::Webhooks => "webhooks",
            View::Faults => "faults",
            View::Keys => "keys",
            View::Settings => "settings",
        }
    }

    pub(super) fn title(self, language: Language) -> &'static str {
        match self {
            View::Payments => language.pick("결제", "Payments"),
            View::Webhooks => language.pick("웹훅", "Webhooks"),
            View::Faults => language.pick("장애", "Faults"),
            View::Keys => language.pick("멱등키", "Idempotency"),
            View::Settings => language.pick("설정", "Settings"),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) language: Language,
    pub(super) view: View,
    pub(super) payment: Option<String>,
    pub(super) search: String,
    /// Counted from 0.
    pub(super) page: usize,
}

impl Place {
    pub(super) fn start(language: Language) -> Place {
        Place { language, view: View::Payments, payment: None, search: String::new(), page: 0 }
    }

    /// Reads a query or a form; what is missing or unknown is as at the start.
    pub(super) fn of(fields: &HashMap<String, String>, preferred: Language) -> Place {
        let given = |name: &str| fields.get(name).map(String::as_str).filter(|it| !it.is_empty());
        let view = given("view").and_then(|name| VIEWS.into_iter().find(|it| it.name() == name));
        Place {
            language: given("lang").and_then(language_named).unwrap_or(preferred),
            view: view.unwrap_or(View::Payments),
            payment: given("payment").map(str::to_owned),
            search: given("search").unwrap_or_default().trim().to_owned(),
            page: given("page").and_then(|page| page.parse().ok()).unwrap_or(0),
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("view", self.view.name().to_owned()),
            ("payment", self.payment.clone().unwrap_or_default()),
            ("search", self.search.clone()),
            ("page", if self.page == 0 { String::new() } else { self.page.to_string() }),
            ("lang", self.language.pick("ko", "en").to_owned()),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    pub(super) fn address(&self) -> String {
        let fields = self.fields();
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, it)| (*name, it.as_str())).collect();
        append_parameters("/_sim", &fields)
    }

    pub(super) fn address_in_other_language(&self) -> String {
        let language = self.language.pick(Language::English, Language::Korean);
        Place { language, ..self.clone() }.address()
    }

    pub(super) fn of_payment(&self, payment_key: &str) -> Place {
        Place { payment: Some(payment_key.to_owned()), ..Place::start(self.language) }
    }

    /// The place as hidden fields.
    pub(super) fn hidden(&self) -> String {
        let field = |(name, value): &(&str, String)| hidden(name, value);
        self.fields().iter().map(field).collect()
    }
}

pub(super) fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
}
