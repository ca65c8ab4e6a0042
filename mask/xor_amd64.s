//go:build !purego

#include "textflag.h"

// func xorAVX2(dst, src *byte, n int, word uint32)
//
// The last 32 bytes, and for long payloads the first, are masked before all
// others and stored after them: so the loops may go over some of these bytes
// too, whether dst is src or not, and nothing is left for smaller steps.
TEXT ·xorAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), DX
	MOVL         word+24(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0

	// Y5 is the end, with the key turned to where it begins.
	LEAQ         -32(DI)(DX*1), R9
	LEAL         (DX*8), CX
	MOVL         AX, BX
	RORL         CX, BX
	VMOVD        BX, X5
	VPBROADCASTD X5, Y5
	VPXOR        -32(SI)(DX*1), Y5, Y5
	CMPQ         DX, $512
	JGE          long
	SUBQ         $128, DX
	JLE          rest

loop128:
	VPXOR   0(SI), Y0, Y1
	VPXOR   32(SI), Y0, Y2
	VPXOR   64(SI), Y0, Y3
	VPXOR   96(SI), Y0, Y4
	VMOVDQU Y1, 0(DI)
	VMOVDQU Y2, 32(DI)
	VMOVDQU Y3, 64(DI)
	VMOVDQU Y4, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $128, DX
	JGT     loop128

rest:
	// DX is 128 less than what is left, of which the end takes 32.
	ADDQ $96, DX
	JLE  end

loop32:
	VPXOR   0(SI), Y0, Y1
	VMOVDQU Y1, 0(DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $32, DX
	JGT     loop32

end:
	VMOVDQU Y5, (R9)

	// Go's own code uses SSE, which stalls while the upper halves are dirty.
	VZEROUPPER
	RET

long:
	// Y6 is the beginning. The loops start behind it, where dst is aligned:
	// a store across two cache lines costs twice.
	VPXOR        (SI), Y0, Y6
	MOVQ         DI, R10
	MOVQ         DI, CX
	NEGQ         CX
	ANDQ         $31, CX
	ADDQ         CX, DI
	ADDQ         CX, SI
	SUBQ         CX, DX
	SHLL         $3, CX
	RORL         CX, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	SUBQ         $128, DX

aligned128:
	VPXOR   0(SI), Y0, Y1
	VPXOR   32(SI), Y0, Y2
	VPXOR   64(SI), Y0, Y3
	VPXOR   96(SI), Y0, Y4
	VMOVDQA Y1, 0(DI)
	VMOVDQA Y2, 32(DI)
	VMOVDQA Y3, 64(DI)
	VMOVDQA Y4, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $128, DX
	JGT     aligned128
	ADDQ    $96, DX
	JLE     ends

aligned32:
	VPXOR   0(SI), Y0, Y1
	VMOVDQA Y1, 0(DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $32, DX
	JGT     aligned32

ends:
	VMOVDQU Y6, (R10)
	VMOVDQU Y5, (R9)
	VZEROUPPER
	RET

// func xorSSE2(dst, src *byte, n int, word uint32)
TEXT ·xorSSE2(SB), NOSPLIT, $0-28
	MOVQ   dst+0(FP), DI
	MOVQ   src+8(FP), SI
	MOVQ   n+16(FP), CX
	MOVL   word+24(FP), AX
	MOVQ   AX, X0
	PSHUFL $0, X0, X0
	SUBQ   $64, CX
	JLT    rest

	// The operand in memory of PXOR has to be aligned: load first.
loop64:
	MOVOU 0(SI), X1
	MOVOU 16(SI), X2
	MOVOU 32(SI), X3
	MOVOU 48(SI), X4
	PXOR  X0, X1
	PXOR  X0, X2
	PXOR  X0, X3
	PXOR  X0, X4
	MOVOU X1, 0(DI)
	MOVOU X2, 16(DI)
	MOVOU X3, 32(DI)
	MOVOU X4, 48(DI)
	ADDQ  $64, SI
	ADDQ  $64, DI
	SUBQ  $64, CX
	JGE   loop64

rest:
	// CX is 64 less than what is left; its low six bits are what is left.
	TESTQ $32, CX
	JZ    tail16
	MOVOU 0(SI), X1
	MOVOU 16(SI), X2
	PXOR  X0, X1
	PXOR  X0, X2
	MOVOU X1, 0(DI)
	MOVOU X2, 16(DI)
	ADDQ  $32, SI
	ADDQ  $32, DI

tail16:
	TESTQ $16, CX
	JZ    tail8
	MOVOU 0(SI), X1
	PXOR  X0, X1
	MOVOU X1, 0(DI)
	ADDQ  $16, SI
	ADDQ  $16, DI

tail8:
	TESTQ $8, CX
	JZ    tail4
	MOVQ  0(SI), X1
	PXOR  X0, X1
	MOVQ  X1, 0(DI)
	ADDQ  $8, SI
	ADDQ  $8, DI

tail4:
	TESTQ $4, CX
	JZ    tail2
	MOVL  0(SI), DX
	XORL  AX, DX
	MOVL  DX, 0(DI)
	ADDQ  $4, SI
	ADDQ  $4, DI

tail2:
	TESTQ $2, CX
	JZ    tail1
	MOVW  0(SI), DX
	XORL  AX, DX
	MOVW  DX, 0(DI)
	SHRL  $16, AX
	ADDQ  $2, SI
	ADDQ  $2, DI

tail1:
	TESTQ $1, CX
	JZ    done
	MOVB  0(SI), DX
	XORL  AX, DX
	MOVB  DX, 0(DI)

done:
	RET
