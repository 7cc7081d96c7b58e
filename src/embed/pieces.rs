//! Long texts in pieces that the model can take.

use std::ops::Range;

/// Ranges of equal length, to one, and of at most `max` tokens, that cover `n_tokens`. Nothing is one piece.
pub(super) fn pieces(n_tokens: usize, max: usize) -> impl Iterator<Item = Range<usize>> {
    let n = n_tokens.div_ceil(max).max(1);
    (0..n).map(move |i| i * n_tokens / n..(i + 1) * n_tokens / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_by_hand() {
        let ends = |n| pieces(n, 4).map(|piece| [piece.start, piece.end]).collect::<Vec<_>>();
        for (n, expected) in
            [(0, vec![[0, 0]]), (4, vec![[0, 4]]), (5, vec![[0, 2], [2, 5]]), (9, vec![[0, 3], [3, 6], [6, 9]])]
        {
            assert_eq!(ends(n), expected);
        }
    }

    proptest! {
        #[test]
        fn they_cover_all_and_fit(n in 0_usize..3000, max in 1_usize..300) {
            let mut end = 0;
            for piece in pieces(n, max) {
                prop_assert!(piece.start == end && piece.len() <= max && (n == 0 || !piece.is_empty()));
                end = piece.end;
            }
            prop_assert_eq!(end, n);
        }
    }
}
