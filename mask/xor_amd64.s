//go:build !purego

#include "textflag.h"

// func xorAVX2(dst, src *byte, n int, word uint32)
TEXT ·xorAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	MOVL         word+24(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	SUBQ         $128, CX
	JLT          rest

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
	SUBQ    $128, CX
	JGE     loop128

rest:
	ADDQ $128, CX
	JZ   done

loop32:
	VPXOR   0(SI), Y0, Y1
	VMOVDQU Y1, 0(DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $32, CX
	JNZ     loop32

done:
	// Go's own code uses SSE, which stalls while the upper halves are dirty.
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
