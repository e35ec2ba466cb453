// SPDX-License-Identifier: Apache-2.0
// Compiled with -mavx2; see the warning in chunker/scan.h.
#include <immintrin.h>

#include "chunker/scan_vector.h"

namespace lagan {

namespace {

// The low (shift 0) or high (shift 8) bytes of a 16-entry table, in both halves, ready for a byte
// shuffle.
__m256i table_bytes(const std::uint16_t* table, int shift) {
  const __m128i* const words = reinterpret_cast<const __m128i*>(table);
  const __m128i byte_mask = _mm_set1_epi16(0xff);
  const __m128i first = _mm_srli_epi16(_mm_loadu_si128(words), shift);
  const __m128i second = _mm_srli_epi16(_mm_loadu_si128(words + 1), shift);
  return _mm256_broadcastsi128_si256(
      _mm_packus_epi16(_mm_and_si128(first, byte_mask), _mm_and_si128(second, byte_mask)));
}

// 32 positions as 16-bit words. Unpacking works within 128-bit halves: `first` has bytes 0-7 and
// 16-23, `second` 8-15 and 24-31.
struct Words {
  __m256i first, second;
};

// One doubling: adds to each word the one `kBack` positions earlier, shifted by as much. `carry` is
// the `second` of the previous step before this doubling.
template <int kBack>
Words doubled(const Words& words, __m256i& carry) {
  const __m256i before_first = _mm256_permute2x128_si256(carry, words.second, 0x21);
  carry = words.second;
  // Eight words are a whole lane: gcc would emit the shift by nothing.
  const bool whole = kBack == 8;
  const __m256i earlier_first =
      whole ? before_first : _mm256_alignr_epi8(words.first, before_first, 16 - 2 * kBack);
  const __m256i earlier_second =
      whole ? words.first : _mm256_alignr_epi8(words.second, words.first, 16 - 2 * kBack);
  return {_mm256_add_epi16(words.first, _mm256_slli_epi16(earlier_first, kBack)),
          _mm256_add_epi16(words.second, _mm256_slli_epi16(earlier_second, kBack))};
}

class Lanes {
 public:
  static constexpr std::size_t kBytes = 32;

  explicit Lanes(const ScanKey& key)
      : low_0_(table_bytes(key.low, 0)),
        low_1_(table_bytes(key.low, 8)),
        high_0_(table_bytes(key.high, 0)),
        high_1_(table_bytes(key.high, 8)),
        mask_(_mm256_set1_epi16(static_cast<short>(key.mask))),
        wanted_(_mm256_set1_epi16(static_cast<short>(key.wanted))) {}

  std::uint64_t step(const std::byte* at) {
    const Words hash = doubled<8>(
        doubled<4>(doubled<2>(doubled<1>(look_up(at), carry_1_), carry_2_), carry_4_), carry_8_);
    // Packing saturates: all ones stay all ones. It also undoes the order of unpacking.
    const __m256i found = _mm256_packs_epi16(is_candidate(hash.first), is_candidate(hash.second));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(found));
  }

 private:
  Words look_up(const std::byte* at) const {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i low = _mm256_and_si256(bytes, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    const __m256i byte_0 =
        _mm256_xor_si256(_mm256_shuffle_epi8(low_0_, low), _mm256_shuffle_epi8(high_0_, high));
    const __m256i byte_1 =
        _mm256_xor_si256(_mm256_shuffle_epi8(low_1_, low), _mm256_shuffle_epi8(high_1_, high));
    return {_mm256_unpacklo_epi8(byte_0, byte_1), _mm256_unpackhi_epi8(byte_0, byte_1)};
  }

  __m256i is_candidate(__m256i hash) const {
    return _mm256_cmpeq_epi16(_mm256_and_si256(hash, mask_), wanted_);
  }

  const __m256i low_0_, low_1_, high_0_, high_1_, mask_, wanted_;
  __m256i carry_1_ = _mm256_setzero_si256();
  __m256i carry_2_ = _mm256_setzero_si256();
  __m256i carry_4_ = _mm256_setzero_si256();
  __m256i carry_8_ = _mm256_setzero_si256();
};

}  // namespace

std::size_t scan_avx2(const ScanKey& key, const std::byte* data, std::size_t from, std::size_t to,
                      Judge& judge) {
  return scan_vector<Lanes>(key, data, from, to, judge);
}

}  // namespace lagan
