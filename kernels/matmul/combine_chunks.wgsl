// Adds up the chunks of gradients of weights and biases, as weight_gradients.wgsl leaves them.
//
// dW[m, w] = sum over c of weight_chunks[c, m, w]; db[m] = sum over c of bias_chunks[c, m]; of each of PARTS maps.
// Shapes: weight_chunks [chunks, M, W rounded up to a multiple of 4], bias_chunks [chunks, M]; dW [M, W], db [M].
// Dispatch: 1-D over the elements of all maps, a thread each, those of db as a last column of dW; folded.
// Determinism: the chunks are added in order. for_parts.ts repeats what a map needs.

struct Params {
  chunks: u32,
  m_PART: u32,
  w_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> weight_chunks_PART: array<f32>;
@group(0) @binding(PARTS + PART) var<storage, read> bias_chunks_PART: array<f32>;
@group(0) @binding(2 * PARTS + PART) var<storage, read_write> d_weight_PART: array<f32>;
@group(0) @binding(3 * PARTS + PART) var<storage, read_write> d_bias_PART: array<f32>;

// Columns of chunks of a dW of w columns.
fn width(w: u32) -> u32 { return (w + 3) / 4 * 4; }

#each PART
// Element `at` of chunk c of the map's dW and db, zero if there is no such chunk.
fn weight_PART(c: u32, at: u32) -> f32 {
  let size = params.m_PART * width(params.w_PART);
  return select(0.0, weight_chunks_PART[min(c, params.chunks - 1) * size + at], c < params.chunks);
}

fn bias_PART(c: u32, at: u32) -> f32 {
  return select(0.0, bias_chunks_PART[min(c, params.chunks - 1) * params.m_PART + at], c < params.chunks);
}

// Sums element i of the map. Eight loads are under way together.
fn sum_PART(i: u32) {
  let w = params.w_PART;
  let row = i / (w + 1);
  let column = i % (w + 1);
  var sum = 0.0;
  if (column < w) {
    let at = row * width(w) + column;
    for (var c = 0u; c < params.chunks; c += 8) {
      sum = sum + weight_PART(c, at) + weight_PART(c + 1, at) + weight_PART(c + 2, at) + weight_PART(c + 3, at) +
        weight_PART(c + 4, at) + weight_PART(c + 5, at) + weight_PART(c + 6, at) + weight_PART(c + 7, at);
    }
    d_weight_PART[row * w + column] = sum;
  } else {
    for (var c = 0u; c < params.chunks; c += 8) {
      sum = sum + bias_PART(c, row) + bias_PART(c + 1, row) + bias_PART(c + 2, row) + bias_PART(c + 3, row) +
        bias_PART(c + 4, row) + bias_PART(c + 5, row) + bias_PART(c + 6, row) + bias_PART(c + 7, row);
    }
    d_bias_PART[row] = sum;
  }
}
#end

@compute @workgroup_size(64)
fn combine(group: Group, @builtin(local_invocation_index) local: u32) {
  var i = thread_index(group, local);
  #each PART
  let count_PART = params.m_PART * (params.w_PART + 1);
  if (i < count_PART) {
    sum_PART(i);
    return;
  }
  i -= count_PART;
  #end
}
