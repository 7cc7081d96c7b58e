//! Vectors of length 1.

/// The meaning of a text: a direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// The direction of a vector; zeros if it has none.
    pub(super) fn direction_of(mut vector: Vec<f32>) -> Self {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 0.0 && length.is_finite() {
            vector.iter_mut().for_each(|x| *x /= length);
        } else {
            vector.fill(0.0);
        }
        Self(vector)
    }

    /// The direction of the sum of some vectors of equal length; zeros if they cancel out.
    pub(super) fn mean(vectors: &[Self]) -> Self {
        let mut sum = vec![0.0; vectors.first().map_or(0, |first| first.0.len())];
        for vector in vectors {
            sum.iter_mut().zip(&vector.0).for_each(|(sum, x)| *sum += x);
        }
        Self::direction_of(sum)
    }

    /// Its components; their squares add up to 1.
    pub fn components(&self) -> &[f32] {
        &self.0
    }
}

/// How alike two texts are: the cosine of the angle between their vectors, from -1 to 1; 1 for the same text, about 0 for texts that
/// have nothing to do with each other.
pub fn cosine(a: &Vector, b: &Vector) -> f32 {
    a.0.iter().zip(&b.0).map(|(x, y)| x * y).sum::<f32>().clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(components: &[f32]) -> Vector {
        Vector::direction_of(components.to_vec())
    }

    #[test]
    fn vectors_are_directions() {
        assert_eq!(vector(&[3.0, 4.0]).components(), [0.6, 0.8]);
        let mean = Vector::mean(&[vector(&[5.0, 0.0]), vector(&[0.0, 0.1])]);
        assert!((cosine(&mean, &vector(&[1.0, 1.0])) - 1.0).abs() < 1e-6);
        assert!(cosine(&mean, &vector(&[-1.0, 1.0])).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_direction_is_like_nothing() {
        let a = vector(&[1.0, 2.0]);
        let cancelled = Vector::mean(&[a.clone(), vector(&[-1.0, -2.0])]);
        for nothing in [Vector::mean(&[]), cancelled, vector(&[f32::NAN, 0.0]), vector(&[f32::MAX, f32::MAX])] {
            assert_eq!(cosine(&a, &nothing), 0.0);
        }
    }
}
