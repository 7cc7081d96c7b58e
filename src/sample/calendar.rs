//! Days, and how they are written.

use time::{Date, Month};

/// A day, counted from 1 January of year 0 in the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Day(pub(super) i64);

/// The Julian day of [`Day`] 0.
const FIRST: i32 = 1_721_060;

/// Name of a month, from 0 to 11.
pub(super) fn month_name(month: u64) -> String {
    Month::January.nth_next((month % 12) as u8).to_string()
}

impl Day {
    /// 1 January of a year.
    pub(super) fn new_year(year: i64) -> Self {
        let date = Date::from_ordinal_date(year as i32, 1).unwrap_or(Date::MIN);
        Self(i64::from(date.to_julian_day() - FIRST))
    }

    fn date(self) -> Date {
        // documents are of a few centuries
        Date::from_julian_day(self.0 as i32 + FIRST).unwrap_or(Date::MAX)
    }

    /// The year.
    pub(super) fn year(self) -> i64 {
        self.date().year().into()
    }

    /// Name of the month.
    pub(super) fn month(self) -> String {
        self.date().month().to_string()
    }

    /// Name of the day of the week.
    pub(super) fn weekday(self) -> String {
        self.date().weekday().to_string()
    }

    /// The same day, or the next if this one is a Sunday.
    pub(super) fn workday(self) -> Self {
        Self(self.0 + i64::from(self.0.rem_euclid(7) == 1))
    }

    /// Name of the season in the north.
    pub(super) fn season(self) -> &'static str {
        match u8::from(self.date().month()) {
            3..=5 => "spring",
            6..=8 => "summer",
            9..=11 => "autumn",
            _ => "winter",
        }
    }

    /// `14 March`.
    pub(super) fn short(self) -> String {
        format!("{} {}", self.date().day(), self.month())
    }

    /// `14 March 1871`.
    pub(super) fn long(self) -> String {
        format!("{} {}", self.short(), self.year())
    }

    /// `Tuesday, 14 March 1871`.
    pub(super) fn full(self) -> String {
        format!("{}, {}", self.weekday(), self.long())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        assert_eq!(Day::new_year(1900).full(), "Monday, 1 January 1900");
        assert_eq!(Day(Day::new_year(1872).0 + 59).full(), "Thursday, 29 February 1872");
        assert_eq!(Day(Day::new_year(1871).0 - 1).long(), "31 December 1870");
        assert_eq!(Day(Day::new_year(2000).0 + 60).full(), "Wednesday, 1 March 2000");
    }
}
