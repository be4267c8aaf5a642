//! When our records are compared with Toss's.

use ::worker::{DailyReconciliation, Tempo};

use super::read::Reader;

/// A time of day, as minutes after midnight.
struct TimeOfDay(u32);

impl std::str::FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<TimeOfDay, Self::Err> {
        const RULE: &str = "it must be a time of day such as 04:10";
        let (hour, minute) = text.split_once(':').ok_or(RULE)?;
        let number = |digits: &str, end: u32| -> Result<u32, &str> {
            let is_number = digits.len() == 2 && digits.bytes().all(|it| it.is_ascii_digit());
            digits.parse().ok().filter(|number| is_number && *number < end).ok_or(RULE)
        };
        Ok(TimeOfDay(number(hour, 24)?.saturating_mul(60).saturating_add(number(minute, 60)?)))
    }
}

/// `Some(None)`: never.
pub(super) fn parse_reconciliation(reader: &mut Reader<'_>) -> Option<Option<DailyReconciliation>> {
    let is_enabled = reader.flag("reconcile.enabled");
    let at: Option<TimeOfDay> = reader.parsed("reconcile.at");
    let (is_enabled, TimeOfDay(minute_of_day)) = (is_enabled?, at?);
    let daily = DailyReconciliation { minute_of_day, tempo: Tempo::default() };
    Some(is_enabled.then_some(daily))
}

#[cfg(test)]
mod tests {
    use super::TimeOfDay;

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        let minutes = |text: &str| text.parse::<TimeOfDay>().map(|TimeOfDay(it)| it).ok();
        assert_eq!(minutes("00:00"), Some(0));
        assert_eq!(minutes("04:10"), Some(250));
        assert_eq!(minutes("23:59"), Some(1_439));
        for wrong in ["", "4:10", "24:00", "04:60", "04.10", "+4:10", "04:10:00", "-1:00"] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}
