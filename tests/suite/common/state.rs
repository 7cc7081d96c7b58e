//! What lies in the caches of a stock context, read from a saved state. Flash attention only: V is not transposed then.

use half::f16;

/// One cache: an ordinary model has one, a sliding-window model that of the global layers and then that of the others.
pub struct CacheState {
    /// Positions of its cells, as they lie.
    pub positions: Vec<i32>,
    /// Rows of K of each layer, cell by cell, as stored.
    pub keys: Vec<Vec<Vec<u8>>>,
    /// Rows of V.
    pub values: Vec<Vec<Vec<u8>>>,
}

impl CacheState {
    /// The cell that holds a position.
    pub fn cell(&self, position: i32) -> Option<usize> {
        self.positions.iter().position(|&p| p == position)
    }

    /// The positions in order.
    pub fn sorted(&self) -> Vec<i32> {
        let mut positions = self.positions.clone();
        positions.sort_unstable();
        positions
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn rows(&mut self, n_cells: usize) -> Vec<Vec<u8>> {
        let _type = self.u32();
        let size = u64::from_le_bytes(self.take(8).try_into().unwrap()) as usize;
        (0..n_cells).map(|_| self.take(size).to_vec()).collect()
    }
}

/// Takes apart what `Context::save_state` of a context that is not attached gave.
pub fn parse(state: &[u8]) -> Vec<CacheState> {
    let mut bytes = Bytes(state);
    let length = bytes.u32() as usize;
    bytes.take(length); // the architecture
    let mut caches = Vec::new();
    while !bytes.0.is_empty() {
        assert_eq!(bytes.u32(), 1, "streams");
        let n_cells = bytes.u32() as usize;
        let mut cache = CacheState { positions: Vec::new(), keys: Vec::new(), values: Vec::new() };
        for _ in 0..n_cells {
            cache.positions.push(bytes.u32() as i32);
            assert_eq!((bytes.u32(), bytes.u32()), (1, 0), "sequences");
        }
        if n_cells > 0 {
            assert_eq!(bytes.u32(), 0, "V is transposed");
            let n_layer = bytes.u32();
            bytes.take(8); // sizes of Hadamard matrices
            cache.keys = (0..n_layer).map(|_| bytes.rows(n_cells)).collect();
            cache.values = (0..n_layer).map(|_| bytes.rows(n_cells)).collect();
        }
        caches.push(cache);
    }
    caches
}

/// Numbers of a row of an F32 cache.
pub fn from_f32(row: &[u8]) -> Vec<f32> {
    row.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Numbers of a row of an F16 cache.
pub fn from_f16(row: &[u8]) -> Vec<f32> {
    row.chunks(2).map(|b| f16::from_le_bytes(b.try_into().unwrap()).to_f32()).collect()
}

/// Numbers of a row of a Q8_0 cache: blocks of a scale and 32 integers.
pub fn from_q8_0(row: &[u8]) -> Vec<f32> {
    let block = |b: &[u8]| {
        let scale = from_f16(&b[..2])[0];
        b[2..].iter().map(move |&q| scale * f32::from(q as i8)).collect::<Vec<f32>>()
    };
    row.chunks(34).flat_map(block).collect()
}
