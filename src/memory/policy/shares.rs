//! How retained tokens are shared out among layers by a fit: layers that find again what was said long ago get more of them.

/// Groups of layers at most, each of which retains equally many: each has an attention mask of its own.
pub const GROUPS: usize = 4;

/// Layers at most that retain different numbers.
pub const MAX_LAYERS: usize = 96;

/// The largest share.
const MAX_SHARE: f32 = 60.0;

/// Parts of a share that tell two apart.
const PARTS: f32 = 1000.0;

/// What each layer with attention retains, as a multiple of the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// In thousandths, the largest first, and how many layers have it; 0 and 0 behind the last.
    groups: [(u16, u16); GROUPS],
    n_layers: usize,
    /// The group of each layer; 0 behind the last layer.
    of_layer: [u8; MAX_LAYERS],
}

impl Shares {
    /// The shares of all layers with attention, lowest first; `None` unless they are numbers from 0 to 60 with a mean of 1 and of at most
    /// [`GROUPS`] kinds.
    pub fn new(shares: &[f32]) -> Option<Self> {
        if !shares.iter().all(|share| (0.0..=MAX_SHARE).contains(share)) {
            return None;
        }
        let parts: Vec<u16> = shares.iter().map(|share| (share * PARTS).round() as u16).collect();
        let mean = parts.iter().map(|&part| f32::from(part)).sum::<f32>() / shares.len() as f32;
        let mut sorted = parts.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let mut groups = [(0, 0); GROUPS];
        let kinds: Vec<&[u16]> = sorted.chunk_by(|a, b| a == b).collect();
        let too_many = kinds.len() > 1 && shares.len() > MAX_LAYERS;
        if kinds.len() > GROUPS || too_many || shares.is_empty() || (mean - PARTS).abs() > 0.01 * PARTS {
            return None;
        }
        for (group, kind) in groups.iter_mut().zip(&kinds) {
            *group = (kind[0], kind.len() as u16);
        }
        let mut of_layer = [0; MAX_LAYERS];
        for (of_layer, part) in of_layer.iter_mut().zip(&parts) {
            *of_layer = kinds.iter().position(|kind| kind[0] == *part)? as u8;
        }
        Some(Self { groups, n_layers: shares.len(), of_layer })
    }

    /// Whether all layers retain equally many.
    pub fn is_even(&self) -> bool {
        usize::from(self.groups[0].1) == self.n_layers
    }

    /// How many tokens each layer retains with a mean of `mean`, lowest first: as near to its share as the mean pays for.
    pub fn numbers(&self, mean: u32) -> Vec<u32> {
        let all = u64::from(mean) * self.n_layers as u64;
        // what all shares come to, so that a mean of 1 is one whatever was rounded
        let unit = self.groups.iter().map(|&(part, size)| u64::from(part) * u64::from(size)).sum::<u64>().max(1);
        let exact = |(part, _): (u16, u16)| u64::from(part) * all;
        let mut numbers = self.groups.map(|group| exact(group) / unit);
        let spent: u64 = numbers.iter().zip(self.groups).map(|(n, (_, size))| n * u64::from(size)).sum();
        let mut left = all - spent;
        // what rounding left goes to those that lost most by it
        let mut order: [usize; GROUPS] = std::array::from_fn(|i| i);
        order.sort_by_key(|&i| std::cmp::Reverse(exact(self.groups[i]) % unit));
        for i in order {
            let (part, size) = self.groups[i];
            if part > 0 && u64::from(size) <= left {
                numbers[i] += 1;
                left -= u64::from(size);
            }
        }
        // more layers than that are one group
        let group = |il: usize| self.of_layer.get(il).map_or(0, |&group| usize::from(group));
        (0..self.n_layers).map(|il| numbers[group(il)] as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_get_their_shares_and_no_more_than_the_mean_pays_for() {
        let shares = [0.5_f32, 0.5, 0.0, 2.5, 2.5, 0.5, 0.5, 1.0];
        let found = Shares::new(&shares).unwrap();
        assert_eq!(found.numbers(128), [64, 64, 0, 320, 320, 64, 64, 128]);
        for mean in (0..70).chain([127, 255, 1000, 65_535]) {
            let numbers = found.numbers(mean);
            let sum: u64 = numbers.iter().map(|&n| u64::from(n)).sum();
            let all = u64::from(mean) * shares.len() as u64;
            // a group has four layers at most
            assert!(sum <= all && all - sum < 4, "{mean}: {numbers:?}");
            for (n, share) in numbers.iter().zip(shares) {
                assert!((f64::from(*n) - f64::from(share) * f64::from(mean)).abs() <= 1.0, "{mean}: {numbers:?}");
            }
            // somebody retains something
            assert!(mean == 0 || numbers.iter().any(|&n| n > 0), "{mean}");
        }
        assert_eq!(Shares::new(&[1.0; 30]).unwrap().numbers(17), [17; 30]);
        assert_eq!(Shares::new(&[1.0; 200]).unwrap().numbers(17), [17; 200]);
    }

    #[test]
    fn what_are_no_shares_is_refused() {
        assert!(Shares::new(&[1.0, 1.0]).unwrap().is_even() && !Shares::new(&[0.5, 1.5]).unwrap().is_even());
        for shares in [
            &[][..],
            &[0.5, 1.0],
            &[2.5, -0.5],
            &[f32::NAN, 1.0],
            &[f32::INFINITY, 1.0],
            &[0.8, 0.9, 1.0, 1.1, 1.2],
            &[[0.5; 50], [1.5; 50]].concat(),
        ] {
            assert!(Shares::new(shares).is_none(), "{shares:?}");
        }
    }
}
