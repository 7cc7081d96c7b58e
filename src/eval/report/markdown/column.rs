//! Columns of figures.

use crate::eval::bootstrap::{mean, ratio};
use crate::eval::report::format::Shape;
use crate::eval::report::rows::{Row, Rows};

/// A value of a result.
pub type Value<T> = fn(&T) -> Option<f64>;

/// What stands in a column, from a row and the table that it is in.
type Cell<T> = Box<dyn Fn(&Rows<'_, T>, &Row<'_, T>) -> String>;

/// A column of a table.
pub struct Column<T> {
    /// What stands above it.
    pub title: String,
    /// What stands in it.
    pub cell: Cell<T>,
}

impl<T: super::section::Section + 'static> Column<T> {
    /// A column of any content.
    pub fn new(title: &str, cell: impl Fn(&Rows<'_, T>, &Row<'_, T>) -> String + 'static) -> Self {
        Self { title: title.into(), cell: Box::new(cell) }
    }

    /// Means with intervals.
    pub fn mean(title: &str, shape: Shape, value: Value<T>) -> Self {
        Self::new(title, move |_, row| {
            let values = row.values(value);
            shape.estimate(mean(&values), values.len(), row.scored.len())
        })
    }

    /// Means of the differences to streaming at the same budget, with intervals, over the texts that both have.
    pub fn over_streaming(title: &str, shape: Shape, value: Value<T>) -> Self {
        Self::over("streaming", title, shape, value)
    }

    /// The same to another policy.
    pub fn over(policy: &'static str, title: &str, shape: Shape, value: Value<T>) -> Self {
        let shape = shape.signed();
        Self::new(title, move |rows, row| {
            let Some(peer) = rows.peer(row, policy) else { return "-".into() };
            let differences: Vec<f64> = row.pairs(peer, value).iter().map(|(own, other)| own - other).collect();
            shape.estimate(mean(&differences), differences.len(), row.scored.len())
        })
    }

    /// Ratios of sums to streaming's at the same budget, with intervals, over the texts that both have.
    pub fn of_streaming(title: &str, shape: Shape, value: Value<T>) -> Self {
        Self::new(title, move |rows, row| {
            let Some(streaming) = rows.streaming(row) else { return "-".into() };
            let pairs = row.pairs(streaming, value);
            shape.estimate(ratio(&pairs), pairs.len(), row.scored.len())
        })
    }

    /// The ratio of the sums of two values, with its interval.
    pub fn ratio(title: &str, shape: Shape, above: Value<T>, below: Value<T>) -> Self {
        Self::new(title, move |_, row| {
            let both = row.scored.iter().filter_map(|case| Some((above(&case.own)?, below(&case.own)?)));
            let both: Vec<(f64, f64)> = both.collect();
            shape.estimate(ratio(&both), both.len(), row.scored.len())
        })
    }

    /// Geometric means, for what is the exponential of a mean.
    pub fn geometric(title: &str, value: Value<T>) -> Self {
        Self::new(title, move |_, row| {
            let logs: Vec<f64> = row.values(value).iter().map(|x| x.ln()).collect();
            if logs.is_empty() || logs.len() < row.scored.len() {
                return "-".into();
            }
            format!("{:.2}", (logs.iter().sum::<f64>() / logs.len() as f64).exp())
        })
    }
}
