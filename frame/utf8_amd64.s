//go:build !purego

#include "textflag.h"

// What a byte may not be is found from the pair that it makes with the byte
// before: three tables of sixteen say, for the high and the low half of the
// first byte and for the high half of the second, which mistakes are possible,
// one bit each. A mistake that all three allow has been made (J. Keiser and
// D. Lemire, "Validating UTF-8 in less than one instruction per byte", 2021).
//
//	01  short      a lead byte, and no continuation
//	02  long       ASCII, and a continuation
//	04  overlong3  e0 80..9f
//	08  toolarge   f4 90..bf, f5..ff 90..bf
//	10  surrogate  ed a0..bf
//	20  overlong2  c0, c1 and a continuation
//	40  overlong4  f0 80..8f, and f5..ff 80..8f, which are too large
//	80  second     two continuations in a row: no mistake by itself
//
// The third and fourth byte of a code point are where a lead byte two or three
// places before wants them: there, and only there, bit 80 must be set.

// The first byte's high half.
DATA pairs<>+0x00(SB)/8, $0x0202020202020202
DATA pairs<>+0x08(SB)/8, $0x4915012180808080
// The first byte's low half.
DATA pairs<>+0x10(SB)/8, $0xcbcbcb8b8383a3e7
DATA pairs<>+0x18(SB)/8, $0xcbcbdbcbcbcbcbcb
// The second byte's high half.
DATA pairs<>+0x20(SB)/8, $0x0101010101010101
DATA pairs<>+0x28(SB)/8, $0x01010101babaaee6
GLOBL pairs<>(SB), RODATA|NOPTR, $48

// Bytes of these values, for 32 bytes at a time: low halves; what brings e0
// and above, f0 and above, to 80 and above; the highest bit.
DATA bytes<>+0x00(SB)/4, $0x0f0f0f0f
DATA bytes<>+0x04(SB)/4, $0x60606060
DATA bytes<>+0x08(SB)/4, $0x70707070
DATA bytes<>+0x0c(SB)/4, $0x80808080
GLOBL bytes<>(SB), RODATA|NOPTR, $16

// CHECK adds the mistakes of the 32 bytes in cur to Y15. Y2, Y3 and Y4 have the
// bytes one, two and three places before each, and are lost, as are Y5 to Y7.
#define CHECK(cur) \
	VPSRLW   $4, Y2, Y5   \
	VPSRLW   $4, cur, Y7  \
	VPAND    Y11, Y2, Y6  \
	VPAND    Y11, Y5, Y5  \
	VPAND    Y11, Y7, Y7  \
	VPSHUFB  Y5, Y8, Y5   \
	VPSHUFB  Y6, Y9, Y6   \
	VPSHUFB  Y7, Y10, Y7  \
	VPSUBUSB Y12, Y3, Y3  \
	VPSUBUSB Y13, Y4, Y4  \
	VPAND    Y6, Y5, Y5   \
	VPOR     Y3, Y4, Y3   \
	VPAND    Y7, Y5, Y5   \
	VPAND    Y14, Y3, Y3  \
	VPXOR    Y3, Y5, Y5   \
	VPOR     Y5, Y15, Y15

// BEFORE loads the bytes before each of the 32 at off(SI).
#define BEFORE(off) \
	VMOVDQU off-1(SI), Y2 \
	VMOVDQU off-2(SI), Y3 \
	VMOVDQU off-3(SI), Y4

// func plausibleAVX2(p *byte, n int) bool
TEXT ·plausibleAVX2(SB), NOSPLIT, $0-17
	MOVQ           p+0(FP), SI
	MOVQ           n+8(FP), CX
	LEAQ           (SI)(CX*1), R8
	VBROADCASTI128 pairs<>+0x00(SB), Y8
	VBROADCASTI128 pairs<>+0x10(SB), Y9
	VBROADCASTI128 pairs<>+0x20(SB), Y10
	VPBROADCASTD   bytes<>+0x00(SB), Y11
	VPBROADCASTD   bytes<>+0x04(SB), Y12
	VPBROADCASTD   bytes<>+0x08(SB), Y13
	VPBROADCASTD   bytes<>+0x0c(SB), Y14
	VPXOR          Y15, Y15, Y15

	// Zeros, which are ASCII, stand before the first 32 bytes.
	VMOVDQU    (SI), Y0
	VPERM2I128 $0x08, Y0, Y0, Y1
	VPALIGNR   $15, Y1, Y0, Y2
	VPALIGNR   $14, Y1, Y0, Y3
	VPALIGNR   $13, Y1, Y0, Y4
	CHECK(Y0)
	ADDQ       $32, SI
	SUBQ       $96, CX
	JLT        rest

	// ASCII after three bytes of ASCII needs no more than a look.
loop64:
	VMOVDQU   0(SI), Y0
	VMOVDQU   32(SI), Y1
	VPOR      Y0, Y1, Y2
	VPMOVMSKB Y2, AX
	MOVL      -4(SI), DX
	ANDL      $0x80808000, DX
	ORL       AX, DX
	JZ        next
	BEFORE(0)
	CHECK(Y0)
	BEFORE(32)
	CHECK(Y1)
	VPTEST    Y15, Y15
	JNZ       wrong

next:
	ADDQ $64, SI
	SUBQ $64, CX
	JGE  loop64

rest:
	// CX is 64 less than what is left.
	ADDQ    $32, CX
	JLT     tail
	VMOVDQU (SI), Y0
	BEFORE(0)
	CHECK(Y0)
	ADDQ    $32, SI
	SUBQ    $32, CX

tail:
	// The last 32 bytes, though some of them were checked already.
	CMPQ    SI, R8
	JEQ     done
	LEAQ    -32(R8), SI
	VMOVDQU (SI), Y0
	BEFORE(0)
	CHECK(Y0)

done:
	VPTEST Y15, Y15
	JNZ    wrong
	MOVB   $1, ret+16(FP)

	// Go's own code uses SSE, which stalls while the upper halves are dirty.
	VZEROUPPER
	RET

wrong:
	MOVB $0, ret+16(FP)
	VZEROUPPER
	RET
