//! Who ordered and where it goes: the order form, parsed once into values that Toss and the store can take.
//!
//! What is parsed is trimmed, bounded and free of control characters. What an order costs is in [`crate::cart`].

mod key;

pub use key::{CustomerKey, GUEST_KEY, InvalidCustomerKey, names_its_customer};

use crate::limits::{
    ADDRESS_CHARS_MAX, ADDRESS_DETAIL_CHARS_MAX, EMAIL_CHARS_MAX, NAME_CHARS_MAX, NOTE_CHARS_MAX,
    PHONE_DIGITS_MAX, PHONE_DIGITS_MIN,
};
use crate::text::is_control;

/// Who ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    name: String,
    email: Option<String>,
    phone: String,
}

/// Where the order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    address: String,
    detail: Option<String>,
    note: Option<String>,
}

/// What is wrong with a text of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// It is blank and must not be.
    #[error("must not be blank")]
    Missing,
    /// It is too long.
    #[error("must have at most {most} characters")]
    TooLong {
        /// How many characters it may have.
        most: usize,
    },
    /// It has characters that are not shown.
    #[error("must not have control characters")]
    ControlCharacter,
}

/// What is wrong with an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailProblem {
    /// It is too long.
    #[error("must have at most {most} characters")]
    TooLong {
        /// How many characters it may have.
        most: usize,
    },
    /// It does not look like one.
    #[error("must look like name@example.com")]
    Malformed,
}

/// What is wrong with a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneProblem {
    /// Something else than digits, spaces, hyphens and a leading `+82`.
    #[error("must be digits, spaces and hyphens, perhaps after +82")]
    UnexpectedCharacter,
    /// Too few or too many digits.
    #[error("must have {least} to {most} digits")]
    DigitCount {
        /// How many digits it must have.
        least: usize,
        /// How many digits it may have.
        most: usize,
    },
}

/// Which field of a customer is wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CustomerProblem {
    /// The name.
    #[error("the name {0}")]
    Name(TextProblem),
    /// The e-mail address.
    #[error("the e-mail address {0}")]
    Email(EmailProblem),
    /// The phone number.
    #[error("the phone number {0}")]
    Phone(PhoneProblem),
}

/// Which field of a delivery is wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryProblem {
    /// The address.
    #[error("the address {0}")]
    Address(TextProblem),
    /// The rest of the address.
    #[error("the address detail {0}")]
    Detail(TextProblem),
    /// The note to the courier.
    #[error("the note {0}")]
    Note(TextProblem),
}

impl Customer {
    /// Checks and normalises a customer. A blank e-mail address counts as none.
    ///
    /// # Errors
    /// Every [`CustomerProblem`], at least one; the customer corrects the form.
    pub fn parse(
        name: &str,
        email: Option<&str>,
        phone: &str,
    ) -> Result<Customer, Vec<CustomerProblem>> {
        let name = parse_text(name, NAME_CHARS_MAX).map_err(CustomerProblem::Name);
        let email = present(email).map(parse_email).transpose().map_err(CustomerProblem::Email);
        let phone = parse_phone(phone).map_err(CustomerProblem::Phone);
        match (name, email, phone) {
            (Ok(name), Ok(email), Ok(phone)) => Ok(Customer { name, email, phone }),
            (name, email, phone) => {
                Err([name.err(), email.err(), phone.err()].into_iter().flatten().collect())
            }
        }
    }

    /// The name, `1 ..= NAME_CHARS_MAX` characters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The e-mail address, if one was given.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The phone number: digits only, as Toss takes it.
    #[must_use]
    pub fn phone(&self) -> &str {
        &self.phone
    }
}

impl Delivery {
    /// Checks and normalises a delivery. Blank optional fields count as none; line breaks in the note become spaces.
    ///
    /// # Errors
    /// Every [`DeliveryProblem`], at least one; the customer corrects the form.
    pub fn parse(
        address: &str,
        detail: Option<&str>,
        note: Option<&str>,
    ) -> Result<Delivery, Vec<DeliveryProblem>> {
        let address = parse_text(address, ADDRESS_CHARS_MAX).map_err(DeliveryProblem::Address);
        let detail = present(detail)
            .map(|detail| parse_text(detail, ADDRESS_DETAIL_CHARS_MAX))
            .transpose()
            .map_err(DeliveryProblem::Detail);
        let note = present(note)
            .map(|note| {
                parse_text(&note.replace("\r\n", " ").replace(['\n', '\r'], " "), NOTE_CHARS_MAX)
            })
            .transpose()
            .map_err(DeliveryProblem::Note);
        match (address, detail, note) {
            (Ok(address), Ok(detail), Ok(note)) => Ok(Delivery { address, detail, note }),
            (address, detail, note) => {
                Err([address.err(), detail.err(), note.err()].into_iter().flatten().collect())
            }
        }
    }

    /// The address, `1 ..= ADDRESS_CHARS_MAX` characters.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Floor, door and the like, if given.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What the courier should know, on one line, if anything.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn parse_text(text: &str, most: usize) -> Result<String, TextProblem> {
    let text = text.trim();
    if text.is_empty() {
        Err(TextProblem::Missing)
    } else if text.chars().any(is_control) {
        Err(TextProblem::ControlCharacter)
    } else if text.chars().count() > most {
        Err(TextProblem::TooLong { most })
    } else {
        Ok(text.to_owned())
    }
}

/// Reads an e-mail address as orders keep it. Looks for typing errors only: whether an address exists is known when a mail arrives.
///
/// # Errors
/// [`EmailProblem`]; the customer corrects the form.
pub fn parse_email(text: &str) -> Result<String, EmailProblem> {
    let text = text.trim();
    if text.chars().count() > EMAIL_CHARS_MAX {
        return Err(EmailProblem::TooLong { most: EMAIL_CHARS_MAX });
    }
    let is_good = text.split_once('@').is_some_and(|(local, host)| {
        let labels_are_good = host.split('.').all(|label| !label.is_empty());
        !local.is_empty() && host.contains('.') && labels_are_good && !host.contains('@')
    });
    if is_good && text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(EmailProblem::Malformed)
    }
}

/// Reads a phone number as orders keep it: digits, dialled from within the country.
///
/// # Errors
/// [`PhoneProblem`]; the customer corrects the form.
pub fn parse_phone(text: &str) -> Result<String, PhoneProblem> {
    let text = text.trim();
    // Abroad the number is dialled without the leading zero; some people write both.
    let (is_international, rest) = match text.strip_prefix("+82") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !rest.chars().all(|c| c.is_ascii_digit() || c == ' ' || c == '-') {
        return Err(PhoneProblem::UnexpectedCharacter);
    }
    let mut digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    if is_international && !digits.is_empty() && !digits.starts_with('0') {
        digits.insert(0, '0');
    }
    if (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len()) {
        Ok(digits)
    } else {
        Err(PhoneProblem::DigitCount { least: PHONE_DIGITS_MIN, most: PHONE_DIGITS_MAX })
    }
}

#[cfg(test)]
mod tests;
