//go:build !purego

#include "textflag.h"

// func xorVector(dst, src *byte, n int, head, tail uint32) (high uint32)
//
// No length leaves a remainder for smaller steps: the vectors at the beginning
// and those at the end overlap. Since dst may be src, what overlaps is loaded
// before anything is stored there.
TEXT ·xorVector(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), DX
	CMPB ·useAVX2(SB), $0
	JEQ  sse2

	VBROADCASTSS head+24(FP), Y0
	VBROADCASTSS tail+28(FP), Y1
	CMPQ         DX, $64
	JHI          over64

	VPXOR   0(SI), Y0, Y2
	VPXOR   -32(SI)(DX*1), Y1, Y3
	VMOVDQU Y2, 0(DI)
	VMOVDQU Y3, -32(DI)(DX*1)
	VPOR    Y2, Y3, Y3

high:
	// Y3 has the bits of all that was stored. What VPMOVMSKB takes of them is
	// the highest of each byte.
	VPMOVMSKB Y3, AX
	MOVL      AX, high+32(FP)

	// Go's own code uses SSE, which stalls while the upper halves are dirty.
	VZEROUPPER
	RET

over64:
	CMPQ    DX, $128
	JHI     over128
	VPXOR   0(SI), Y0, Y2
	VPXOR   32(SI), Y0, Y3
	VPXOR   -64(SI)(DX*1), Y1, Y4
	VPXOR   -32(SI)(DX*1), Y1, Y5
	VMOVDQU Y2, 0(DI)
	VMOVDQU Y3, 32(DI)
	VMOVDQU Y4, -64(DI)(DX*1)
	VMOVDQU Y5, -32(DI)(DX*1)
	VPOR    Y2, Y3, Y3
	VPOR    Y4, Y5, Y5
	VPOR    Y5, Y3, Y3
	JMP     high

over128:
	// Y2 is the beginning, to be stored at R8, and Y3 to Y6 are the end, to be
	// stored at R9. The loop goes over what is between, and some of both.
	VPXOR (SI), Y0, Y2
	MOVQ  DI, R8
	VPXOR -128(SI)(DX*1), Y1, Y3
	VPXOR -96(SI)(DX*1), Y1, Y4
	VPXOR -64(SI)(DX*1), Y1, Y5
	VPXOR -32(SI)(DX*1), Y1, Y6
	LEAQ  -128(DI)(DX*1), R9
	VPOR  Y2, Y3, Y11 // and to Y14: the bits of all that is stored
	VPOR  Y4, Y5, Y12
	VMOVDQU Y6, Y13
	VMOVDQU Y6, Y14

	// It begins where dst is aligned: a store across two cache lines costs
	// twice. The key is turned by as many bytes as that is further on.
	MOVQ         DI, CX
	NEGQ         CX
	ANDQ         $31, CX
	ADDQ         CX, DI
	ADDQ         CX, SI
	MOVL         head+24(FP), AX
	SHLL         $3, CX
	RORL         CX, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	CMPQ         DI, R9
	JCC          ends

loop128:
	VPXOR   0(SI), Y0, Y7
	VPXOR   32(SI), Y0, Y8
	VPXOR   64(SI), Y0, Y9
	VPXOR   96(SI), Y0, Y10
	VMOVDQA Y7, 0(DI)
	VMOVDQA Y8, 32(DI)
	VMOVDQA Y9, 64(DI)
	VMOVDQA Y10, 96(DI)
	VPOR    Y7, Y11, Y11
	VPOR    Y8, Y12, Y12
	VPOR    Y9, Y13, Y13
	VPOR    Y10, Y14, Y14
	SUBQ    $-128, SI                // shorter to encode than ADDQ $128
	SUBQ    $-128, DI
	CMPQ    DI, R9
	JCS     loop128

ends:
	VMOVDQU Y2, (R8)
	VMOVDQU Y3, 0(R9)
	VMOVDQU Y4, 32(R9)
	VMOVDQU Y5, 64(R9)
	VMOVDQU Y6, 96(R9)
	VPOR    Y11, Y12, Y12
	VPOR    Y13, Y14, Y14
	VPOR    Y12, Y14, Y3
	JMP     high

sse2:
	// X2 and X3 are the end, to be stored at R9. The operand in memory of PXOR
	// would have to be aligned: load first.
	MOVL   head+24(FP), AX
	MOVQ   AX, X0
	PSHUFL $0, X0, X0
	MOVL   tail+28(FP), AX
	MOVQ   AX, X1
	PSHUFL $0, X1, X1
	MOVOU  -32(SI)(DX*1), X2
	MOVOU  -16(SI)(DX*1), X3
	PXOR   X1, X2
	PXOR   X1, X3
	LEAQ   -32(DI)(DX*1), R9
	MOVO   X2, X6 // and X7: the bits of all that is stored
	MOVO   X3, X7

loop32:
	MOVOU 0(SI), X4
	MOVOU 16(SI), X5
	PXOR  X0, X4
	PXOR  X0, X5
	MOVOU X4, 0(DI)
	MOVOU X5, 16(DI)
	POR   X4, X6
	POR   X5, X7
	ADDQ  $32, SI
	ADDQ  $32, DI
	CMPQ  DI, R9
	JCS   loop32
	MOVOU X2, 0(R9)
	MOVOU X3, 16(R9)
	POR   X6, X7
	PMOVMSKB X7, AX
	MOVL  AX, high+32(FP)
	RET
