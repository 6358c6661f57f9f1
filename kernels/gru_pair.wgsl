override LANES: u32 = 64u;
override WORDS: u32 = 1u; // words of a lane: 1 or 4

@group(0) @binding(1) var<storage, read> words: array<f32>;
@group(0) @binding(2) var<storage, read> words4: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> scores_out: array<f32>;

struct State {
  r: Octet,
  z: Octet,
  n: Octet,
  h: Octet,
}

fn add_pairs(sum: Octet, word_r: f32, word_z: f32, word_n: f32, state: State, w: f32, octet: u32,
             word: u32, unit: u32) -> Octet {
  var lo = w * cell(word_r * state.r.lo, word_z * state.z.lo, vec4<f32>(word_n), state.n.lo,
                    state.h.lo).hidden;
  var hi = w * cell(word_r * state.r.hi, word_z * state.z.hi, vec4<f32>(word_n), state.n.hi,
                    state.h.hi).hidden;
  if (DROPOUT) {
    let m = mask(octet, params.first + word, unit);
    lo *= m.lo;
    hi *= m.hi;
  }
  return Octet(sum.lo + lo, sum.hi + hi);
}

@compute @workgroup_size(LANES)
fn scores(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let octet = group.x;
  let first = (group.y * LANES + lane) * WORDS;
  var state_at = octet * size * 8u;
  var word_at = group.y * LANES * WORDS * 3u * size + lane * WORDS;
  let i = first;
  var s0: Octet;
  var s1: Octet;
  var s2: Octet;
  var s3: Octet;
  for (var j = 0u; j < size; j++) {
    let state = state_of(state_at, lane);
    let w = weight[j];
    let word = word_at;
    let word_gate = LANES * WORDS;
    state_at += 8u;
    word_at += 3u * LANES * WORDS;
    if (WORDS == 4u) {
      let r = words4[word / 4u];
      let z = words4[(word + word_gate) / 4u];
      let n = words4[(word + 2u * word_gate) / 4u];
      s0 = add_pairs(s0, r.x, z.x, n.x, state, w, octet, i, j);
      s1 = add_pairs(s1, r.y, z.y, n.y, state, w, octet, i + 1u, j);
      s2 = add_pairs(s2, r.z, z.z, n.z, state, w, octet, i + 2u, j);
      s3 = add_pairs(s3, r.w, z.w, n.w, state, w, octet, i + 3u, j);
    } else {
      s0 = add_pairs(s0, words[word], words[word + word_gate], words[word + 2u * word_gate], state, w,
                     octet, i, j);
    }
  }
  store(s0, octet, first);
  if (WORDS == 4u) {
    store(s1, octet, first + 1u);
    store(s2, octet, first + 2u);
    store(s3, octet, first + 3u);
  }
}

fn store(sum: Octet, octet: u32, i: u32) {
  if (i >= params.count) { return; }
  for (var q = 0u; q < 4u; q++) {
    let n = octet * 8u + q;
    if (n < params.rows) { scores_out[n * params.count + i] = sum.lo[q] + bias[0]; }
    if (n + 4u < params.rows) { scores_out[(n + 4u) * params.count + i] = sum.hi[q] + bias[0]; }
  }
}

@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> weight_of: array<f32>;
@group(0) @binding(4) var<storage, read_write> dwords: array<f32>;
@group(0) @binding(5) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(6) var<storage, read_write> dhidden: array<f32>;
@group(0) @binding(7) var<storage, read_write> dweight: array<f32>;

fn total(r: CellGradient, s: CellGradient) -> vec3<f32> {
  return vec3<f32>(dot(r.r + s.r, vec4<f32>(1.0)), dot(r.z + s.z, vec4<f32>(1.0)), dot(r.n + s.n, vec4<f32>(1.0)));
}

@compute @workgroup_size(LANES)
fn gradients(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
             @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let unit = group.x * LANES + lane;
  let j = min(unit, size - 1u);
  let first_row = group.y * params.row_chunk;
  let end_row = min(first_row + params.row_chunk, params.rows);
  let first_word = group.z * params.word_chunk;
  let end_word = min(first_word + params.word_chunk, params.count);
  let w = weight_of[j];
  var dw = vec4<f32>(0.0);
  for (var n = first_row; n < end_row; n += 8u) {
    let s = state_at(n / 8u * size + j);
    var a: CellGradient;
    var b: CellGradient;
    for (var i = first_word; i < end_word; i++) {
      let at = i * 3u * size + j;
      let word = vec3<f32>(gates[at], gates[at + size], gates[at + 2u * size]);
      let e = half_exp(vec4<f32>(word, 0.0));
      let word_n = vec4<f32>(TWO_LOG2_E * word.z);
      let c = cell(e.x * s.r.lo, e.y * s.z.lo, word_n, s.n.lo, s.h.lo);
      let d = cell(e.x * s.r.hi, e.y * s.z.hi, word_n, s.n.hi, s.h.hi);
      var ds = eight_scores(n, i, lane);
      if (DROPOUT) {
        let m = mask(n / 8u, params.first + i, j);
        ds = Octet(ds.lo * m.lo, ds.hi * m.hi);
      }
      dw += ds.lo * c.hidden + ds.hi * d.hidden;
      let lo = cell_backward(c, s.n.lo, s.h.lo, w * ds.lo);
      let hi = cell_backward(d, s.n.hi, s.h.hi, w * ds.hi);
      a = CellGradient(a.r + lo.r, a.z + lo.z, a.n + c.r * lo.n, a.h + lo.h);
      b = CellGradient(b.r + hi.r, b.z + hi.z, b.n + d.r * hi.n, b.h + hi.h);
      if (unit < size) {
      var sums = total(lo, hi);
      let to = group.y * params.count * 3u * size + at;
      if (n > first_row) { sums += vec3<f32>(dwords[to], dwords[to + size], dwords[to + 2u * size]); }
      dwords[to] = sums.x;
      dwords[to + size] = sums.y;
      dwords[to + 2u * size] = sums.z;
      }
    }
    if (unit < size) {
      for (var q = 0u; q < 4u; q++) {
        store_state(group.z, n + q, j, a.r[q], a.z[q], a.n[q], a.h[q]);
        store_state(group.z, n + 4u + q, j, b.r[q], b.z[q], b.n[q], b.h[q]);
      }
    }
  }
  if (unit < size) { dweight[(group.y + group.z * groups.y) * size + j] = dot(dw, vec4<f32>(1.0)); }
}
fn store_state(part: u32, n: u32, j: u32, r: f32, z: f32, gn: f32, h: f32) {
  if (n >= params.rows) { return; }
  let at = (part * params.rows + n) * params.size;
  dgates[3u * at + j] = r;
  dgates[3u * at + params.size + j] = z;
  dgates[3u * at + 2u * params.size + j] = gn;
  dhidden[at + j] = h;
}
