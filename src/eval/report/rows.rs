//! Results that belong together: one row for each policy, budget and setting, and who is compared with whom.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, Group, Measure};
use super::setting::{Part, Policy, Setting};

/// Results of one policy with one budget and setting.
#[derive(Debug)]
pub struct Row<'a, T> {
    /// What the table keeps apart.
    pub group: Group,
    /// How the texts were read.
    pub policy: &'a Policy,
    /// Bytes that survive a compaction; the most, where the document decides.
    pub budget: u64,
    /// What it was measured with.
    pub setting: &'a Setting,
    /// One result for each text.
    pub scored: Vec<&'a Case<T>>,
    /// Why others have none, and how many.
    pub left_out: BTreeMap<String, usize>,
    /// How many results there are of texts that have one already.
    pub repeated: usize,
}

/// All rows of a table.
#[derive(Debug)]
pub struct Rows<'a, T> {
    /// By group, then by budget, then by policy.
    pub rows: Vec<Row<'a, T>>,
}

/// Whether two budgets are the same: they differ by less than a token where a memory is rounded up.
pub fn same_budget(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= a.max(b) / 50
}

/// What makes a text the same. Without a document only its name is left of it.
fn identity<T>(case: &Case<T>) -> (&str, &str) {
    let sum = if case.common.policy.is_none() { "" } else { &case.common.text_sha256 };
    (&case.common.case, sum)
}

/// Whether results are of the same text.
fn same_text<T>(a: &Case<T>, b: &Case<T>) -> bool {
    let (one, other) = (identity(a), identity(b));
    one == other || one.0 == other.0 && (a.common.policy.is_none() || b.common.policy.is_none())
}

impl<'a, T: Measure> Rows<'a, T> {
    /// Sorts results into rows.
    pub fn new(cases: &[&'a Case<T>]) -> Self {
        let mut sorted: BTreeMap<_, Vec<&'a Case<T>>> = BTreeMap::new();
        for &case in cases {
            let common = &case.common;
            let budget = if common.policy.has_budget() { common.budget_bytes } else { 0 };
            sorted.entry((case.own.group(), &common.policy, budget, &common.setting)).or_default().push(case);
        }
        let mut rows = Vec::with_capacity(sorted.len());
        for ((group, policy, _, setting), cases) in sorted {
            let budget = cases.iter().map(|case| case.common.budget_bytes).max().unwrap_or(0);
            let kept = one_of_each(&cases);
            let repeated = cases.len() - kept.len();
            let mut left_out = BTreeMap::new();
            for case in kept.iter().filter(|case| !case.own.scored()) {
                *left_out.entry(case.common.skipped.as_deref().unwrap_or("no result").to_owned()).or_insert(0) += 1;
            }
            let scored = kept.into_iter().filter(|case| case.own.scored()).collect();
            rows.push(Row { group, policy, budget, setting, scored, left_out, repeated });
        }
        count_missing(&mut rows, cases);
        let classes = budget_classes(&rows);
        // what has no budget of its own comes first
        rows.sort_by_key(|row| {
            let class = if row.policy.has_budget() { 1 + class_of(&classes, row.budget) } else { 0 };
            (row.group.clone(), class, row.policy.clone(), row.budget, row.setting.clone())
        });
        Self { rows }
    }

    /// Streaming with the same bytes, in the same form.
    pub fn streaming(&self, row: &Row<'a, T>) -> Option<&Row<'a, T>> {
        self.peer(row, "streaming")
    }

    /// Another policy with the same bytes, in the same form. Where the document decides the budget there must be only one.
    pub fn peer(&self, row: &Row<'a, T>, policy: &str) -> Option<&Row<'a, T>> {
        if row.policy.0 == policy {
            return None;
        }
        let comparable = |other: &&Row<'a, T>| {
            other.policy.0 == policy && other.group == row.group && other.setting.is_comparable(row.setting)
        };
        if !row.policy.has_budget() {
            let mut all = self.rows.iter().filter(comparable);
            return all.next().filter(|_| all.next().is_none());
        }
        let near = self.rows.iter().filter(comparable).filter(|other| same_budget(other.budget, row.budget));
        near.max_by_key(|other| {
            let distance = other.budget.abs_diff(row.budget);
            // of several with as like a setting the one that has most texts in common
            let common = row.scored.iter().filter(|case| other.of(case).is_some()).count();
            (other.setting.agreement(row.setting), common, std::cmp::Reverse(distance))
        })
    }

    /// Full attention in the same form, with as many texts as possible of which as much was looked at.
    pub fn full(&self, row: &Row<'a, T>) -> Option<&Row<'a, T>> {
        let comparable = |other: &&Row<'a, T>| {
            other.policy.0 == "full" && other.group == row.group && other.setting.is_comparable(row.setting)
        };
        let alike = |other: &Row<'a, T>| row.pairs_alike(other, |_| Some(0.0)).len();
        let common = |other: &Row<'a, T>| row.pairs(other, |_| Some(0.0)).len();
        let rank = |other: &&Row<'a, T>| (other.setting.agreement(row.setting), alike(other), common(other));
        self.rows.iter().filter(comparable).max_by_key(rank)
    }

    /// Rows of one budget each, in ascending order; those without one of their own are left out.
    pub fn by_budget(&self) -> Vec<Vec<&Row<'a, T>>> {
        let classes = budget_classes(&self.rows);
        let of = |class| {
            let rows = self.rows.iter().filter(|row| row.policy.has_budget());
            rows.filter(|row| class_of(&classes, row.budget) == class).collect()
        };
        (0..classes.len()).map(of).collect()
    }

    /// What rows have in common, and what makes them different, is told by these parts of a setting.
    pub fn differing(&self) -> BTreeSet<Part> {
        let mut seen: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
        for row in &self.rows {
            for (part, text) in row.setting.parts(row.policy.has_budget()) {
                seen.entry(part).or_default().insert(text);
            }
        }
        // these belong to some policies only
        let own = |part: Part| matches!(part, Part::Gate | Part::Queries);
        seen.into_iter().filter(|(part, texts)| own(*part) || texts.len() > 1).map(|(part, _)| part).collect()
    }
}

impl<T> Row<'_, T> {
    /// In words, the parts of its setting that are among `parts`.
    pub fn setting_of(&self, parts: &BTreeSet<Part>) -> String {
        let all = self.setting.parts(self.policy.has_budget()).into_iter();
        all.filter(|(part, _)| parts.contains(part)).map(|(_, text)| text).collect::<Vec<_>>().join(", ")
    }

    /// The values of its results that have one.
    pub fn values(&self, value: fn(&T) -> Option<f64>) -> Vec<f64> {
        self.scored.iter().filter_map(|case| value(&case.own)).collect()
    }

    /// The values of results of the same texts, of this row and another.
    pub fn pairs(&self, other: &Self, value: fn(&T) -> Option<f64>) -> Vec<(f64, f64)> {
        let both = self.scored.iter().filter_map(|case| Some((value(&case.own)?, value(&other.of(case)?.own)?)));
        both.collect()
    }

    /// The same of those texts of which as much was looked at in both.
    pub fn pairs_alike(&self, other: &Self, value: fn(&T) -> Option<f64>) -> Vec<(f64, f64)>
    where
        T: Measure,
    {
        let alike = |case: &Case<T>| other.of(case).filter(|found| found.own.reach() == case.own.reach());
        let both = self.scored.iter().filter_map(|case| Some((value(&case.own)?, value(&alike(case)?.own)?)));
        both.collect()
    }

    /// The same as [`Row::pairs`] with two other rows.
    pub fn triples(&self, one: &Self, two: &Self, value: fn(&T) -> Option<f64>) -> Vec<(f64, f64, f64)> {
        let all = self
            .scored
            .iter()
            .filter_map(|case| Some((value(&case.own)?, value(&one.of(case)?.own)?, value(&two.of(case)?.own)?)));
        all.collect()
    }

    /// Its result of the text of a case.
    fn of(&self, case: &Case<T>) -> Option<&Case<T>> {
        self.scored.iter().find(|own| same_text(case, own)).copied()
    }
}

/// One result of each text: the one that reaches furthest, with a result before those without, the first of equals.
fn one_of_each<'a, T: Measure>(cases: &[&'a Case<T>]) -> Vec<&'a Case<T>> {
    let mut kept: Vec<&'a Case<T>> = Vec::with_capacity(cases.len());
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let rank = |case: &Case<T>| (case.own.scored(), case.own.reach());
    for &case in cases {
        match places.get(&identity(case)) {
            Some(&at) if rank(case) > rank(kept[at]) => kept[at] = case,
            Some(_) => {}
            None => {
                places.insert(identity(case), kept.len());
                kept.push(case);
            }
        }
    }
    kept
}

/// Counts, for each row, the texts of its group that only other rows have.
fn count_missing<T: Measure>(rows: &mut [Row<'_, T>], cases: &[&Case<T>]) {
    let mut texts: BTreeMap<Group, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.common.policy.is_none()) {
        texts.entry(case.own.group()).or_default().insert(identity(case));
    }
    for row in rows {
        let Some(all) = texts.get(&row.group) else { continue };
        // without a document, texts of one name are one
        let names: BTreeSet<&str> = all.iter().map(|(name, _)| *name).collect();
        let n = if row.policy.is_none() { names.len() } else { all.len() };
        let missing = n.saturating_sub(row.scored.len() + row.left_out.values().sum::<usize>());
        if missing > 0 {
            row.left_out.insert("not measured".into(), missing);
        }
    }
}

/// The smallest of each set of equal budgets, in ascending order.
fn budget_classes<T>(rows: &[Row<'_, T>]) -> Vec<u64> {
    let mut budgets: Vec<u64> = rows.iter().filter(|row| row.policy.has_budget()).map(|row| row.budget).collect();
    budgets.sort_unstable();
    budgets.dedup_by(|next, first| same_budget(*next, *first));
    budgets
}

/// Which of them a budget belongs to.
fn class_of(classes: &[u64], budget: u64) -> usize {
    classes.partition_point(|first| *first <= budget).saturating_sub(1)
}
