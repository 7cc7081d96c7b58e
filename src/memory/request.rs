//! Sizes as they were asked for, and what a policy makes of them.

use crate::llama::{CacheType, Depth, Model, Retain};

use super::budget::{Budget, token_bytes};
use super::layout::WindowSizes;
use super::policy::{Policy, Rule, Shares};
use super::queries::Queries;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct SizeRequest {
    /// First tokens of the document that stay.
    pub sinks: u32,
    /// Most recent tokens that stay; with `budget` what it leaves for them.
    pub window: u32,
    /// Tokens read at a time.
    pub segment: u32,
    /// Tokens that are chosen to stay; `None` leaves it to the policy, which takes them out of the window.
    pub retain: Option<u32>,
    /// Bytes of everything that survives.
    pub budget: Option<Budget>,
    /// Whose queries choose what stays; `None` leaves it to the policy.
    pub queries: Option<Queries>,
    /// How the scores that there are, and can be used, share out among layers what stays. A policy that folds chooses by scores too where
    /// no queries are asked for.
    pub shares: Option<Shares>,
}

/// Tokens beyond which a budget buys nothing: sizes that are added up stay far from the limits of their type.
const N_TOKENS_MAX: u64 = 1 << 24;

/// A budget that is too small.
#[derive(Debug, thiserror::Error)]
#[error(
    "a budget of {budget} bytes does not hold {sinks} sinks, {retain} retained tokens and a window of 1, of {token} bytes each, and \
     {memory} bytes of memory; choose a larger --budget"
)]
pub struct BudgetError {
    budget: u64,
    sinks: u32,
    retain: u32,
    token: u64,
    memory: u64,
}

impl SizeRequest {
    /// The sizes under a policy, whose memory takes `memory` bytes (0 without one).
    ///
    /// # Errors
    /// [`BudgetError`] if nothing is left for a window.
    pub fn resolve(
        &self,
        policy: Policy,
        model: &Model,
        cache_type: CacheType,
        memory: u64,
    ) -> Result<WindowSizes, BudgetError> {
        let token = token_bytes(model, cache_type);
        let budget = self.budget.map(|budget| budget.bytes(model, cache_type));
        self.divide(policy, token, memory, budget)
    }

    /// How a policy chooses `n` tokens that stay; `None` if there are none to choose.
    pub fn retain_of(&self, policy: Policy, n: u32) -> Option<Retain> {
        let rule = policy.rule();
        let scored = |rule: &dyn Rule| rule.retain(n).map(|retain| Retain { depth: self.depth(), ..retain });
        match self.queries {
            _ if rule.scores() => scored(rule),
            Some(Queries { count, stride }) => rule.retain(n).map(|retain| Retain { queries: count, stride, ..retain }),
            None if self.folds_by_scores(rule) => scored(Policy::Learned.rule()),
            None => rule.retain(n),
        }
        .filter(|retain| retain.tokens > 0)
    }

    /// Whether a policy that may ask queries chooses by scores instead.
    pub fn by_scores(&self) -> bool {
        self.shares.is_some() && self.queries.is_none()
    }

    fn folds_by_scores(&self, rule: &dyn Rule) -> bool {
        rule.folds() && self.by_scores()
    }

    /// How many of `n` tokens that may stay are chosen, where nobody said: beside a memory as many as without it.
    fn share(&self, rule: &dyn Rule, n: u32) -> u32 {
        if self.folds_by_scores(rule) { Policy::Learned.rule().share(n) } else { rule.share(n) }
    }

    fn depth(&self) -> Depth {
        self.shares.filter(|shares| !shares.is_even()).map_or(Depth::Even, Depth::Fitted)
    }

    fn divide(&self, policy: Policy, token: u64, memory: u64, budget: Option<u64>) -> Result<WindowSizes, BudgetError> {
        let rule = policy.rule();
        let (sinks, segment) = (self.sinks, self.segment);
        let asked = self.retain.filter(|&n| rule.retain(n).is_some());
        let Some(budget) = budget else {
            let retain = asked.unwrap_or_else(|| self.share(rule, self.window));
            // what nobody asked for is taken from the window, so that policies compare at the same sizes
            let window = if asked.is_some() { self.window } else { self.window - retain };
            return Ok(WindowSizes { sinks, retain, window, segment });
        };
        // more than any cache is checked where the layout is made
        let beyond_sinks = |bytes: u64| ((bytes / token.max(1)).min(N_TOKENS_MAX) as u32).saturating_sub(sinks);
        // the bytes of a memory come out of the window
        let free = beyond_sinks(budget.saturating_sub(memory));
        let retain = asked.unwrap_or_else(|| self.share(rule, beyond_sinks(budget)).min(free / 2));
        if free <= retain {
            return Err(BudgetError { budget, sinks, retain, token, memory });
        }
        Ok(WindowSizes { sinks, retain, window: free - retain, segment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llama::Score;

    const ASKED: SizeRequest =
        SizeRequest { sinks: 4, window: 1024, segment: 512, retain: None, budget: None, queries: None, shares: None };

    fn sizes(request: SizeRequest, policy: Policy, memory: u64, budget: Option<u64>) -> (u32, u32) {
        let sizes = request.divide(policy, 100, memory, budget).unwrap();
        assert_eq!((sizes.sinks, sizes.segment), (4, 512));
        (sizes.retain, sizes.window)
    }

    #[test]
    fn what_is_not_asked_for_comes_out_of_the_window() {
        assert_eq!(sizes(ASKED, Policy::Streaming, 0, None), (0, 1024));
        assert_eq!(sizes(ASKED, Policy::SnapKv, 0, None), (256, 768));
        assert_eq!(sizes(ASKED, Policy::PyramidKv, 0, None), (256, 768));
        assert_eq!(sizes(ASKED, Policy::EdgeInfinite, 6500, None), (0, 1024));
        let asked = SizeRequest { retain: Some(100), ..ASKED };
        assert_eq!(sizes(asked, Policy::SnapKv, 0, None), (100, 1024));
        assert_eq!(sizes(asked, Policy::Streaming, 0, None), (0, 1024));
    }

    #[test]
    fn what_chooses_is_what_was_asked_for_or_what_there_is() {
        let of = |request: SizeRequest, policy: Policy| {
            request.retain_of(policy, 100).map(|retain| (retain.score, retain.queries))
        };
        let queries = Some(Queries { count: 9, stride: 2 });
        for scored in [false, true] {
            let shares = if scored { Shares::new(&[0.5, 1.5]) } else { None };
            let plain = SizeRequest { shares, ..ASKED };
            let asked = SizeRequest { queries, ..plain };
            assert_eq!(of(plain, Policy::Streaming), None);
            for (policy, score) in [(Policy::SnapKv, Score::SnapKv), (Policy::PyramidKv, Score::SnapKv)] {
                assert_eq!((of(plain, policy), of(asked, policy)), (Some((score, 32)), Some((score, 9))));
            }
            assert_eq!(
                (of(plain, Policy::Learned), of(asked, Policy::Learned)),
                (Some((Score::Learned, 0)), Some((Score::Learned, 0)))
            );
            let beside = if scored { (Score::Learned, 0) } else { (Score::SnapKv, 32) };
            assert_eq!(
                (of(plain, Policy::EdgeInfinite), of(asked, Policy::EdgeInfinite)),
                (Some(beside), Some((Score::SnapKv, 9)))
            );
            assert_eq!(plain.retain_of(Policy::EdgeInfinite, 0), None);
            let depth = |request: SizeRequest, policy| request.retain_of(policy, 100).map(|retain| retain.depth);
            let fitted = Some(shares.map_or(Depth::Even, Depth::Fitted));
            assert_eq!((depth(plain, Policy::Learned), depth(plain, Policy::EdgeInfinite)), (fitted, fitted));
            // shares are those of the scores
            for (request, policy) in [(plain, Policy::SnapKv), (asked, Policy::EdgeInfinite)] {
                assert_eq!(depth(request, policy), Some(Depth::Even));
            }
        }
    }

    #[test]
    fn a_budget_is_used_up_by_every_policy() {
        let budget = Some(51_600);
        assert_eq!(sizes(ASKED, Policy::Streaming, 0, budget), (0, 512));
        assert_eq!(sizes(ASKED, Policy::SnapKv, 0, budget), (128, 384));
        assert_eq!(sizes(ASKED, Policy::PyramidKv, 0, budget), (128, 384));
        // the memory takes as much as 65 tokens
        assert_eq!(sizes(ASKED, Policy::EdgeInfinite, 6500, budget), (0, 447));
        let asked = SizeRequest { retain: Some(100), ..ASKED };
        assert_eq!(sizes(asked, Policy::EdgeInfinite, 6500, budget), (100, 347));
        // beside scores as many stay as without a memory
        let scored = SizeRequest { shares: Shares::new(&[0.5, 1.5]), ..ASKED };
        assert_eq!(sizes(scored, Policy::Learned, 0, budget), (128, 384));
        assert_eq!(sizes(scored, Policy::EdgeInfinite, 6500, budget), (128, 319));
        assert_eq!(sizes(scored, Policy::EdgeInfinite, 6500, None), (256, 768));
        assert_eq!(sizes(SizeRequest { retain: Some(0), ..scored }, Policy::EdgeInfinite, 6500, budget), (0, 447));
        // a small budget leaves a window
        assert_eq!(sizes(scored, Policy::EdgeInfinite, 41_200, budget), (50, 50));
        let asking = SizeRequest { queries: Some(Queries { count: 9, stride: 2 }), ..scored };
        assert_eq!(sizes(asking, Policy::EdgeInfinite, 6500, budget), (0, 447));
        assert!(ASKED.divide(Policy::EdgeInfinite, 100, 51_600, budget).is_err());
        assert_eq!(sizes(ASKED, Policy::Streaming, 0, Some(u64::MAX)).1, (1 << 24) - 4);
        assert!(SizeRequest { retain: Some(512), ..ASKED }.divide(Policy::SnapKv, 100, 0, budget).is_err());
    }
}
