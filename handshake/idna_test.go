package handshake

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
)

// The samples of RFC 3492, section 7.1; ASCII in them is in lower case here.
func TestPunycode(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"A Arabic":     {"ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"},
		"B Chinese":    {"他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"},
		"C Chinese":    {"他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"},
		"D Czech":      {"pročprostěnemluvíčesky", "proprostnemluvesky-uyb24dma41a"},
		"E Hebrew":     {"למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"},
		"F Hindi":      {"यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"},
		"G Japanese":   {"なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"},
		"H Korean":     {"세계의모든사람들이한국어를이해한다면얼마나좋을까", "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c"},
		"I Russian":    {"почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"},
		"J Spanish":    {"porquénopuedensimplementehablarenespañol", "porqunopuedensimplementehablarenespaol-fmd56a"},
		"K Vietnamese": {"tạisaohọkhôngthểchỉnóitiếngviệt", "tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g"},
		"L B-gumi":     {"3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"},
		"M monkeys":    {"安室奈美恵-with-super-monkeys", "-with-super-monkeys-pc58ag80a8qai00g7n9n"},
		"N everywhere": {"hello-another-way-それぞれの場所", "hello-another-way--fc4qua05auwb3674vfr0b"},
		"O under roof": {"ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"},
		"P five":       {"majiでkoiする5秒前", "majikoi5-783gue6qz075azm5e"},
		"Q puffy":      {"パフィーdeルンバ", "de-jg4avhby1noc0d"},
		"R speed":      {"そのスピードで", "d9juau41awczczp"},
		"S ASCII":      {"-> $1.00 <-", "-> $1.00 <--"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, string(appendPunycode(nil, []rune(tt.in))))
		})
	}
}

// secondOpinion is IDNA with all its tables, but for the direction of writing.
var secondOpinion = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true))

// Every character that is accepted is what the tables of IDNA make of it.
func TestIDNAEveryCharacter(t *testing.T) { // 11.1-1
	accepted := 0
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		in := "a" + string(r) + "b"
		got, err := toASCII(in)
		if err != nil {
			continue
		}
		accepted++
		want, err := secondOpinion.ToASCII(in)
		if err != nil || got != want {
			t.Errorf("%U: got %q, want %q, %v", r, got, want, err)
		}
	}
	require.Greater(t, accepted, 100_000)
}

func FuzzIDNA(f *testing.F) {
	for _, s := range []string{"bücher.example", "BÜCHER.Example.", "straße.de", "日本語。jp", "e\u0301.x", "각.kr", "\u1100\u1161.kr", "ä--b.x", "x.ä_b", "ς.gr", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := toASCII(s)
		if err != nil || isASCII(s) {
			return
		}
		want, err := secondOpinion.ToASCII(s)
		if err != nil {
			return // stricter on labels that are ASCII, which are left as they are
		}
		if !strings.EqualFold(got, want) {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	})
}

func TestIDNA(t *testing.T) { // 11.1-1
	for in, want := range map[string]string{
		"bücher.example":               "xn--bcher-kva.example",
		"BÜCHER.example":               "xn--bcher-kva.example",
		"straße.de.":                   "xn--strae-oqa.de.",
		"日本語.jp":                       "xn--wgv71a119e.jp",
		"データ.jp":                       "xn--5ckp3n.jp",
		"한국.kr":                        "xn--3e0b707e.kr",
		"пример.рф":                    "xn--e1afmkfd.xn--p1ai",
		"ä." + strings.Repeat("a", 63): "xn--4ca." + strings.Repeat("a", 63),
	} {
		got, err := toASCII(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got)
		second, err := secondOpinion.ToASCII(in)
		require.NoError(t, err, in)
		require.Equal(t, want, second)
	}
	long := strings.Repeat("a", 63)
	for _, in := range []string{
		"bu\u0308cher.example",                    // would have to be composed
		"\u1112\u1161\u11ab.kr",                   // jamo, likewise
		"\u212bngström.se", "ﬁ.ä", "Ａ.de", "İ.tr", // map to other letters
		"ไทย.th\u0e31", "हिन्दी.in", // marks
		"ä\u200d.x", "日本語。jp", "☃.net", "ä b.de", "ä_b.de", "\xff.de", "\ufffd.de", // no letters
		"-ä.de", "ä-.de", "äb--c.de", "ab--ä.de",
		"ä..de", ".ä", "ä." + long + "a", strings.Repeat("ä", 63) + ".de",
		"ä." + long + "." + long + "." + long + "." + long,
	} {
		_, err := toASCII(in)
		require.Error(t, err, "%q", in)
		_, err = ParseURL("ws://" + in + "/")
		require.Error(t, err, "%q", in)
	}
	_, err := ParseURL("ws://bu\u0308cher.example/")
	require.ErrorContains(t, err, "U+0308")
	require.ErrorContains(t, err, "xn--")
	_, err = ParseURL("ws://[é]/")
	require.Error(t, err)
}
