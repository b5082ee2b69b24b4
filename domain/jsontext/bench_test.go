package jsontext_test

import (
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// benchmarkDocument is an order of about 600 bytes as an application sends it: members in an order of their own.
const benchmarkDocument = `{"status":"paid","customer":{"id":"c-10442","name":"Søren Ødegård","email":"soren@example.com",` +
	`"address":{"street":"Tårnveien 12","city":"Bergen","zip":"5003","country":"NO"}},"items":[` +
	`{"sku":"BK-221","title":"A \"quiet\" book","quantity":2,"price":19.90,"tags":["books","gift"]},` +
	`{"sku":"CD-007","title":"Live in Oslo","quantity":1,"price":12.50,"tags":[]},` +
	`{"sku":"TS-530","title":"T-shirt, blue, M","quantity":3,"price":1.5e1,"tags":["clothing"]}],` +
	`"total":97.30,"currency":"NOK","placedAt":"2025-11-03T10:15:30.123456Z","notes":"leave at the door\nring twice",` +
	`"gift":false,"coupon":null,"weightKg":1.250}`

func BenchmarkCanonical(b *testing.B) {
	src := []byte(benchmarkDocument)
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.Canonical(dst, src, jsontext.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical_AlreadyCanonical(b *testing.B) {
	src := []byte(mustCanonical(b, benchmarkDocument))
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.Canonical(dst, src, jsontext.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	src := []byte(mustCanonical(b, benchmarkDocument))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.Decode(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeMembers(b *testing.B) {
	canonical := []byte(mustCanonical(b, benchmarkDocument))
	b.SetBytes(int64(len(canonical)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.DecodeMembers(canonical, "number"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	tree, err := jsontext.Decode([]byte(benchmarkDocument))
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 2*len(benchmarkDocument))
	b.ReportAllocs()
	for b.Loop() {
		jsontext.Append(dst, tree)
	}
}
