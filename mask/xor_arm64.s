//go:build !purego

#include "textflag.h"

// func xorNEON(dst, src *byte, n int, word uint32) (seen uint64)
//
// V5 and R5 have the bits of all that was stored.
TEXT ·xorNEON(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), R0
	MOVD  src+8(FP), R1
	MOVD  n+16(FP), R2
	MOVWU word+24(FP), R3
	VDUP  R3, V0.S4
	VEOR  V5.B16, V5.B16, V5.B16
	MOVD  ZR, R5
	SUBS  $64, R2, R2
	BLT   rest

loop64:
	VLD1.P 64(R1), [V1.B16, V2.B16, V3.B16, V4.B16]
	VEOR   V0.B16, V1.B16, V1.B16
	VEOR   V0.B16, V2.B16, V2.B16
	VEOR   V0.B16, V3.B16, V3.B16
	VEOR   V0.B16, V4.B16, V4.B16
	VST1.P [V1.B16, V2.B16, V3.B16, V4.B16], 64(R0)
	VORR   V1.B16, V2.B16, V2.B16
	VORR   V3.B16, V4.B16, V4.B16
	VORR   V2.B16, V5.B16, V5.B16
	VORR   V4.B16, V5.B16, V5.B16
	SUBS   $64, R2, R2
	BGE    loop64

rest:
	// R2 is 64 less than what is left; its low six bits are what is left.
	TBZ    $5, R2, tail16
	VLD1.P 32(R1), [V1.B16, V2.B16]
	VEOR   V0.B16, V1.B16, V1.B16
	VEOR   V0.B16, V2.B16, V2.B16
	VST1.P [V1.B16, V2.B16], 32(R0)
	VORR   V1.B16, V5.B16, V5.B16
	VORR   V2.B16, V5.B16, V5.B16

tail16:
	TBZ    $4, R2, tail8
	VLD1.P 16(R1), [V1.B16]
	VEOR   V0.B16, V1.B16, V1.B16
	VST1.P [V1.B16], 16(R0)
	VORR   V1.B16, V5.B16, V5.B16

tail8:
	TBZ    $3, R2, tail4
	VLD1.P 8(R1), [V1.B8]
	VEOR   V0.B8, V1.B8, V1.B8
	VST1.P [V1.B8], 8(R0)
	VORR   V1.B8, V5.B8, V6.B8
	VORR   V6.B16, V5.B16, V5.B16

tail4:
	TBZ     $2, R2, tail2
	MOVWU.P 4(R1), R4
	EORW    R3, R4, R4
	MOVW.P  R4, 4(R0)
	ORR     R4, R5, R5

tail2:
	TBZ     $1, R2, tail1
	MOVHU.P 2(R1), R4
	EORW    R3, R4, R4
	MOVH.P  R4, 2(R0)
	AND     $0xffff, R4, R4
	ORR     R4, R5, R5
	LSRW    $16, R3, R3

tail1:
	TBZ   $0, R2, done
	MOVBU (R1), R4
	EORW  R3, R4, R4
	MOVB  R4, (R0)
	AND   $0xff, R4, R4
	ORR   R4, R5, R5

done:
	VMOV V5.D[0], R6
	VMOV V5.D[1], R7
	ORR  R6, R5, R5
	ORR  R7, R5, R5
	MOVD R5, seen+32(FP)
	RET
