// SPDX-License-Identifier: Apache-2.0
// Compiled with -mavx512f -mavx512bw; see the warning in chunker/scan.h.
#include <immintrin.h>

#include "chunker/scan_vector.h"

namespace lagan {

namespace {

// The low (shift 0) or high (shift 8) bytes of a 16-entry table, four times, ready for a byte
// shuffle.
__m512i table_bytes(const std::uint16_t* table, int shift) {
  const __m128i* const words = reinterpret_cast<const __m128i*>(table);
  const __m128i byte_mask = _mm_set1_epi16(0xff);
  const __m128i first = _mm_srli_epi16(_mm_loadu_si128(words), shift);
  const __m128i second = _mm_srli_epi16(_mm_loadu_si128(words + 1), shift);
  return _mm512_broadcast_i32x4(
      _mm_packus_epi16(_mm_and_si128(first, byte_mask), _mm_and_si128(second, byte_mask)));
}

// 64 positions as 16-bit words. Unpacking works within 128-bit quarters: `first` has bytes 0-7 of
// each sixteen, `second` bytes 8-15.
struct Words {
  __m512i first, second;
};

// One doubling: adds to each word the one `kBack` positions earlier, shifted by as much. `carry` is
// the `second` of the previous step before this doubling.
template <int kBack>
Words doubled(const Words& words, __m512i& carry) {
  const __m512i before_first = _mm512_alignr_epi64(words.second, carry, 6);
  carry = words.second;
  // Eight words are a whole lane: gcc would emit the shift by nothing.
  const bool whole = kBack == 8;
  const __m512i earlier_first =
      whole ? before_first : _mm512_alignr_epi8(words.first, before_first, 16 - 2 * kBack);
  const __m512i earlier_second =
      whole ? words.first : _mm512_alignr_epi8(words.second, words.first, 16 - 2 * kBack);
  return {_mm512_add_epi16(words.first, _mm512_slli_epi16(earlier_first, kBack)),
          _mm512_add_epi16(words.second, _mm512_slli_epi16(earlier_second, kBack))};
}

class Lanes {
 public:
  static constexpr std::size_t kBytes = 64;

  explicit Lanes(const ScanKey& key)
      : low_0_(table_bytes(key.low, 0)),
        low_1_(table_bytes(key.low, 8)),
        high_0_(table_bytes(key.high, 0)),
        high_1_(table_bytes(key.high, 8)),
        mask_(_mm512_set1_epi16(static_cast<short>(key.mask))),
        wanted_(_mm512_set1_epi16(static_cast<short>(key.wanted))) {}

  std::uint64_t step(const std::byte* at) {
    const Words hash = doubled<8>(
        doubled<4>(doubled<2>(doubled<1>(look_up(at), carry_1_), carry_2_), carry_4_), carry_8_);
    const __mmask32 first = is_candidate(hash.first);
    const __mmask32 second = is_candidate(hash.second);
    if ((first | second) == 0) [[likely]]
      return 0;
    return in_order(first, second);
  }

 private:
  Words look_up(const std::byte* at) const {
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i bytes = _mm512_loadu_si512(at);
    const __m512i low = _mm512_and_si512(bytes, nibble);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble);
    const __m512i byte_0 =
        _mm512_xor_si512(_mm512_shuffle_epi8(low_0_, low), _mm512_shuffle_epi8(high_0_, high));
    const __m512i byte_1 =
        _mm512_xor_si512(_mm512_shuffle_epi8(low_1_, low), _mm512_shuffle_epi8(high_1_, high));
    return {_mm512_unpacklo_epi8(byte_0, byte_1), _mm512_unpackhi_epi8(byte_0, byte_1)};
  }

  __mmask32 is_candidate(__m512i hash) const {
    return _mm512_cmpeq_epi16_mask(_mm512_and_si512(hash, mask_), wanted_);
  }

  // Undoes the order of unpacking: eight bits of each in turn.
  static std::uint64_t in_order(std::uint32_t first, std::uint32_t second) {
    std::uint64_t bits = 0;
    for (int quarter = 0; quarter < 4; ++quarter) {
      const std::uint64_t eight_first = (first >> (8 * quarter)) & 0xff;
      const std::uint64_t eight_second = (second >> (8 * quarter)) & 0xff;
      bits |= (eight_first | eight_second << 8) << (16 * quarter);
    }
    return bits;
  }

  const __m512i low_0_, low_1_, high_0_, high_1_, mask_, wanted_;
  __m512i carry_1_ = _mm512_setzero_si512();
  __m512i carry_2_ = _mm512_setzero_si512();
  __m512i carry_4_ = _mm512_setzero_si512();
  __m512i carry_8_ = _mm512_setzero_si512();
};

}  // namespace

std::size_t scan_avx512(const ScanKey& key, const std::byte* data, std::size_t from, std::size_t to,
                        Judge& judge) {
  return scan_vector<Lanes>(key, data, from, to, judge);
}

}  // namespace lagan
