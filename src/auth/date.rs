//! Dates of the calendar, in UTC: when a credential expires.

use crate::domain::Span;

const DAY: u64 = 86_400;

/// When something expires that was given as a span from `now` on, such as `720h` or `30d`, or as a date, such as
/// `2027-01-31`, at whose beginning it ends.  Times are in seconds since 1970-01-01T00:00:00Z.
pub fn parse_expiry(text: &str, now: u64) -> Result<u64, String> {
    let form = || format!("{text} is neither a span such as 12h or 30d nor a date such as 2027-01-31");
    let expires = if let Some(days) = text.strip_suffix('d') {
        let days = days.parse::<u64>().ok().filter(|days| *days <= LONGEST_DAYS).ok_or_else(form)?;
        now + days * DAY
    } else if let Ok(Span(span)) = text.parse() {
        now + span.as_secs()
    } else {
        seconds_of(text).ok_or_else(form)?
    };
    if expires <= now { Err(format!("{text} is over already")) } else { Ok(expires) }
}

/// A hundred years.
const LONGEST_DAYS: u64 = 36_525;

/// The beginning of a date such as `2027-01-31`.
fn seconds_of(date: &str) -> Option<u64> {
    let mut parts = date.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok())?
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    let days = days_before(year, month, day);
    // What is no day of the calendar is another one when it is written again.
    (date_of(days * DAY) == date).then_some(days * DAY)
}

/// The date of a time, such as `2027-01-31`.
pub fn date_of(seconds: u64) -> String {
    let days = seconds / DAY;
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1, 1) <= days {
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days - days_before(year, month, 1) + 1)
}

/// Days from 1970-01-01 to a date from then on.
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let leap = |year: u64| year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let leaps = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before: u64 = months.iter().take(month.saturating_sub(1) as usize).sum();
    let leap_day = u64::from(month > 2 && leap(year));
    (year - 1970) * 365 + leaps(year) - leaps(1970) + before + leap_day + day.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (date, seconds) in [
            ("1970-01-01", 0),
            ("1972-02-29", 68_169_600),
            ("2000-03-01", 951_868_800),
            ("2027-01-31", 1_801_353_600),
            ("2100-12-31", 4_133_894_400),
        ] {
            assert_eq!((seconds_of(date), date_of(seconds).as_str()), (Some(seconds), date));
            assert_eq!(date_of(seconds + DAY - 1), date);
        }
        for bad in
            ["2027-02-29", "2027-00-01", "2027-13-01", "2027-01-00", "27-01-01", "2027-1-1", "1969-01-01"]
        {
            assert_eq!(seconds_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_expiry_is_a_span_or_a_date_and_not_over() {
        assert_eq!(parse_expiry("12h", 1000), Ok(44_200));
        assert_eq!(parse_expiry("30d", 0), Ok(30 * DAY));
        assert_eq!(parse_expiry("1970-01-02", 1000), Ok(DAY));
        for bad in ["", "d", "x", "0s", "0d", "1970-01-01", "-1d", "99999999999d"] {
            assert!(parse_expiry(bad, 1000).is_err(), "{bad}");
        }
    }
}
