// The order in which workgroups take the tiles of a product C [m, n], the last of which may reach past its sides.
//
// A library that the product's kernels are prefixed with.

// How many tiles there are along each side of C.
fn tiles_of(m: u32, n: u32, tile: vec2u) -> vec2u {
  return (vec2u(m, n) + tile - vec2u(1)) / tile;
}

// Where a tile begins. Tiles that share the shorter of C's sides follow each other, so that the smaller operand is
// read again and again, from the cache.
fn tile_of(number: u32, m: u32, n: u32, tile: vec2u) -> vec2u {
  let tiles = tiles_of(m, n, tile);
  if (n > m) { return vec2u(number % tiles.x, number / tiles.x) * tile; }
  return vec2u(number / tiles.y, number % tiles.y) * tile;
}
