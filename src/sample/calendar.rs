//! Days, and how they are written.

/// A day, counted from 1 January of year 0 in the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Day(pub(super) i64);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];

/// Name of a month, from 0 to 11.
pub(super) fn month_name(month: u64) -> &'static str {
    MONTHS[(month % 12) as usize]
}

/// Days of the years before `year`.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    // year 0 is a leap year
    if year <= 0 { 0 } else { year * 365 + past / 4 - past / 100 + past / 400 + 1 }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

impl Day {
    /// 1 January of a year.
    pub(super) fn new_year(year: i64) -> Self {
        Self(days_before(year))
    }

    /// Year, month from 0 and day of the month from 1.
    fn parts(self) -> (i64, usize, i64) {
        let mut year = self.0 / 366;
        while days_before(year + 1) <= self.0 {
            year += 1;
        }
        let mut rest = self.0 - days_before(year);
        for (month, mut length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            if month == 1 && is_leap(year) {
                length += 1;
            }
            if rest < length {
                return (year, month, rest + 1);
            }
            rest -= length;
        }
        (year, 11, 31)
    }

    /// The year.
    pub(super) fn year(self) -> i64 {
        self.parts().0
    }

    /// Name of the month.
    pub(super) fn month(self) -> &'static str {
        MONTHS[self.parts().1]
    }

    /// Name of the day of the week.
    pub(super) fn weekday(self) -> &'static str {
        WEEKDAYS[self.0.rem_euclid(7) as usize]
    }

    /// The same day, or the next if this one is a Sunday.
    pub(super) fn workday(self) -> Self {
        Self(self.0 + i64::from(self.0.rem_euclid(7) == 1))
    }

    /// Name of the season in the north.
    pub(super) fn season(self) -> &'static str {
        match self.parts().1 {
            2..=4 => "spring",
            5..=7 => "summer",
            8..=10 => "autumn",
            _ => "winter",
        }
    }

    /// `14 March`.
    pub(super) fn short(self) -> String {
        let (_, month, day) = self.parts();
        format!("{day} {}", MONTHS[month])
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

    #[test]
    fn days_follow_each_other() {
        let first = Day::new_year(1838).0;
        for day in first..first + 30 * 366 {
            let (a, b) = (Day(day).parts(), Day(day + 1).parts());
            assert!(b.2 == a.2 + 1 && b.1 == a.1 && b.0 == a.0 || b.2 == 1, "{a:?} {b:?}");
        }
    }
}
