//! What the order form takes and refuses.

use super::*;
use proptest::prelude::*;

fn phone(text: &str) -> Result<String, CustomerProblem> {
    match Customer::parse("김토스", None, text) {
        Ok(customer) => Ok(customer.phone().to_owned()),
        Err(problems) => Err(problems[0]),
    }
}

#[test]
fn a_phone_number_is_reduced_to_its_digits() {
    for text in
        ["010-1234-5678", "010 1234 5678", " 01012345678 ", "+82 10-1234-5678", "+82 010 1234 5678"]
    {
        assert_eq!(phone(text).as_deref(), Ok("01012345678"), "{text}");
    }
    assert_eq!(phone("1588-1234").as_deref(), Ok("15881234"));
}

#[test]
fn a_phone_number_of_other_characters_or_lengths_is_refused() {
    let other = CustomerProblem::Phone(PhoneProblem::UnexpectedCharacter);
    for text in
        ["010.1234.5678", "+1 202 555 0100", "010-1234-567a", "０１０-1234-5678", "82+1012345678"]
    {
        assert_eq!(phone(text), Err(other), "{text}");
    }
    let count = CustomerProblem::Phone(PhoneProblem::DigitCount { least: 8, most: 15 });
    for text in ["", "010-123", "+82", "0101234567890123", "- - -"] {
        assert_eq!(phone(text), Err(count), "{text}");
    }
}

#[test]
fn an_email_address_may_be_left_out_and_else_looks_like_one() {
    let email =
        |text| Customer::parse("김토스", text, "01012345678").map(|c| c.email().map(str::to_owned));
    assert_eq!(email(None), Ok(None));
    assert_eq!(email(Some("  ")), Ok(None));
    assert_eq!(
        email(Some(" a.b+c@mail.example.com ")),
        Ok(Some("a.b+c@mail.example.com".to_owned()))
    );
    for bad in [
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a@b@c.d",
        "a b@c.d",
        "가@나.다",
        "a@b.c\n.",
    ] {
        assert_eq!(
            email(Some(bad)),
            Err(vec![CustomerProblem::Email(EmailProblem::Malformed)]),
            "{bad}"
        );
    }
    let long = format!("{}@example.com", "a".repeat(89));
    assert_eq!(
        email(Some(&long)),
        Err(vec![CustomerProblem::Email(EmailProblem::TooLong { most: 100 })])
    );
    assert!(email(Some(&long[1..])).is_ok());
}

#[test]
fn every_wrong_field_is_told_at_once() {
    assert_eq!(
        Customer::parse(" ", Some("a"), "a"),
        Err(vec![
            CustomerProblem::Name(TextProblem::Missing),
            CustomerProblem::Email(EmailProblem::Malformed),
            CustomerProblem::Phone(PhoneProblem::UnexpectedCharacter),
        ])
    );
    assert_eq!(
        Delivery::parse("a\u{0}b", Some(&"층".repeat(101)), Some("\u{202e}")),
        Err(vec![
            DeliveryProblem::Address(TextProblem::ControlCharacter),
            DeliveryProblem::Detail(TextProblem::TooLong { most: 100 }),
            DeliveryProblem::Note(TextProblem::ControlCharacter),
        ])
    );
}

#[test]
fn names_and_addresses_are_trimmed_and_bounded() {
    let customer = Customer::parse(" 김토스 ", None, "01012345678").unwrap();
    assert_eq!(customer.name(), "김토스");
    assert!(Customer::parse(&"김".repeat(100), None, "01012345678").is_ok());
    assert_eq!(
        Customer::parse(&"김".repeat(101), None, "01012345678"),
        Err(vec![CustomerProblem::Name(TextProblem::TooLong { most: 100 })])
    );
    assert!(Delivery::parse(&"동".repeat(200), None, None).is_ok());
    assert_eq!(
        Delivery::parse(&"동".repeat(201), None, None),
        Err(vec![DeliveryProblem::Address(TextProblem::TooLong { most: 200 })])
    );
}

#[test]
fn a_note_of_several_lines_becomes_one_line() {
    let delivery = Delivery::parse("서울시", Some(" "), Some("문 앞에\r\n두세요\n감사\n")).unwrap();
    assert_eq!(delivery.note(), Some("문 앞에 두세요 감사"));
    assert_eq!(delivery.detail(), None);
}

proptest! {
    #[test]
    fn any_form_is_parsed_within_bounds_or_refused(
        a in "\\PC{0,120}|.{0,120}", b in ".{0,120}|[a-z@.]{0,20}", c in ".{0,20}|[-+0-9 ]{0,20}", d in ".{0,320}",
    ) {
        if let Ok(customer) = Customer::parse(&a, Some(&b), &c) {
            prop_assert!((1..=100).contains(&customer.name().chars().count()));
            prop_assert!(!customer.name().chars().any(is_control));
            prop_assert!(customer.email().is_none_or(|email| email.len() <= 100 && email.contains('@')));
            prop_assert!((8..=15).contains(&customer.phone().len()));
            prop_assert!(customer.phone().chars().all(|c| c.is_ascii_digit()));
        }
        if let Ok(delivery) = Delivery::parse(&a, Some(&b), Some(&d)) {
            for (text, most) in [(Some(delivery.address()), 200), (delivery.detail(), 100), (delivery.note(), 300)] {
                prop_assert!(text.is_none_or(|text| !text.is_empty() && text.chars().count() <= most));
                prop_assert!(text.is_none_or(|text| !text.chars().any(is_control)));
            }
        }
    }
}
