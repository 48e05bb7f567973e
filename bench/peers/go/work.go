// The rows of bench/workload/work for goroutines: one for the first branch, the second runs where the two are forked.
package main

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"sync"
)

func fork(first, second func()) {
	var finished sync.WaitGroup
	finished.Add(1)
	go func() {
		defer finished.Done()
		first()
	}()
	second()
	finished.Wait()
}

func sumOver(first, last uint64, body func(uint64) uint64) uint64 {
	if last-first == 1 {
		return body(first)
	}
	middle := first + (last-first)/2
	var left, right uint64
	fork(func() { left = sumOver(first, middle, body) }, func() { right = sumOver(middle, last, body) })
	return left + right
}

func require(right bool) {
	if !right {
		fmt.Fprintln(os.Stderr, "the result is wrong")
		os.Exit(1)
	}
}

func fibOf(n uint64) uint64 {
	if n < 2 {
		return n
	}
	var first, second uint64
	fork(func() { first = fibOf(n - 1) }, func() { second = fibOf(n - 2) })
	return first + second
}

func fibRow() {
	n := number("n", 27)
	before, last := 0, 0
	for i := 2; i <= n; i++ {
		before, last = last, before+last+1
	}
	measure(last, nothing, func() { fibOf(uint64(n)) })
}

type board [16]int8

func fits(queen *board, row, column int) bool {
	for above := 0; above < row; above++ {
		across, down := int(queen[above])-column, row-above
		if across == 0 || across == down || across == -down {
			return false
		}
	}
	return true
}

func place(n, row int, queen *board) uint64 {
	if row == n {
		return 1
	}
	var columns [16]int8
	count := 0
	for column := 0; column < n; column++ {
		if fits(queen, row, column) {
			columns[count] = int8(column)
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return sumOver(0, uint64(count), func(i uint64) uint64 {
		next := *queen
		next[row] = columns[i]
		return place(n, row+1, &next)
	})
}

func queens() {
	known := []uint64{1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712, 365596, 2279184}
	n := number("n", 13)
	measure(1, nothing, func() { require(place(n, 0, &board{}) == known[n]) })
}

type hash [5]uint32

func sha1(message []uint32) hash {
	var w [80]uint32
	copy(w[:], message)
	w[len(message)] = 0x80000000
	w[15] = uint32(len(message) * 32)
	for i := 16; i < 80; i++ {
		w[i] = bits.RotateLeft32(w[i-3]^w[i-8]^w[i-14]^w[i-16], 1)
	}
	start := hash{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}
	a, b, c, d, e := start[0], start[1], start[2], start[3], start[4]
	for i := 0; i < 20; i++ {
		next := bits.RotateLeft32(a, 5) + (b&c | ^b&d) + e + 0x5a827999 + w[i]
		a, b, c, d, e = next, a, bits.RotateLeft32(b, 30), c, d
	}
	for i := 20; i < 40; i++ {
		next := bits.RotateLeft32(a, 5) + (b ^ c ^ d) + e + 0x6ed9eba1 + w[i]
		a, b, c, d, e = next, a, bits.RotateLeft32(b, 30), c, d
	}
	for i := 40; i < 60; i++ {
		next := bits.RotateLeft32(a, 5) + (b&c | b&d | c&d) + e + 0x8f1bbcdc + w[i]
		a, b, c, d, e = next, a, bits.RotateLeft32(b, 30), c, d
	}
	for i := 60; i < 80; i++ {
		next := bits.RotateLeft32(a, 5) + (b ^ c ^ d) + e + 0xca62c1d6 + w[i]
		a, b, c, d, e = next, a, bits.RotateLeft32(b, 30), c, d
	}
	return hash{start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e}
}

func utsChildren(geometric bool, state *hash, depth int) uint64 {
	drawn := float64(state[4]&0x7fffffff) / 2147483648
	if !geometric {
		if depth == 0 {
			return 2000
		}
		if drawn < 0.124875 {
			return 8
		}
		return 0
	}
	if depth >= 10 {
		return 0
	}
	return uint64(math.Min(math.Log(1-drawn)/math.Log(1-1.0/5), 100))
}

func utsVisit(geometric bool, state *hash, depth int) uint64 {
	count := utsChildren(geometric, state, depth)
	if count == 0 {
		return 1
	}
	return 1 + sumOver(0, count, func(i uint64) uint64 {
		child := sha1([]uint32{state[0], state[1], state[2], state[3], state[4], uint32(i)})
		return utsVisit(geometric, &child, depth+1)
	})
}

func uts() {
	geometric, seed, size := true, uint32(19), uint64(4130071)
	if number("tree", 1) != 1 {
		geometric, seed, size = false, 42, 4112897
	}
	measure(1, nothing, func() {
		root := sha1([]uint32{0, 0, 0, 0, seed})
		require(utsVisit(geometric, &root, 0) == size)
	})
}

const grain = 2048

func sortSerially(all []int32) {
	if len(all) <= insertionLimit {
		insertionSort(all)
		return
	}
	pivot := partition(all)
	sortSerially(all[:pivot])
	sortSerially(all[pivot+1:])
}

func merge(left, right, out []int32) {
	if len(left) < len(right) {
		left, right = right, left
	}
	if len(out) <= grain {
		i, j := 0, 0
		for k := range out {
			if j == len(right) || (i < len(left) && left[i] <= right[j]) {
				out[k] = left[i]
				i++
			} else {
				out[k] = right[j]
				j++
			}
		}
		return
	}
	middle := len(left) / 2
	low, high := 0, len(right)
	for low < high {
		if at := (low + high) / 2; right[at] < left[middle] {
			low = at + 1
		} else {
			high = at
		}
	}
	fork(func() { merge(left[:middle], right[:low], out[:middle+low]) },
		func() { merge(left[middle:], right[low:], out[middle+low:]) })
}

func cilksortPart(all, spare []int32) {
	if len(all) <= grain {
		sortSerially(all)
		return
	}
	half := len(all) / 2
	sortHalf := func(pair, room []int32) {
		quarter := len(pair) / 2
		fork(func() { cilksortPart(pair[:quarter], room[:quarter]) },
			func() { cilksortPart(pair[quarter:], room[quarter:]) })
		merge(pair[:quarter], pair[quarter:], room)
	}
	fork(func() { sortHalf(all[:half], spare[:half]) }, func() { sortHalf(all[half:], spare[half:]) })
	merge(spare[:half], spare[half:], all)
}

func cilksort() {
	all := make([]int32, number("n", 4000000))
	spare := make([]int32, len(all))
	measure(1, func() { fillShuffled(all) }, func() { cilksortPart(all, spare) })
	for i, value := range all {
		require(value == int32(i))
	}
}

// A square part of a matrix that is stored row by row.
type square struct {
	from   []float32
	stride int
}

func (s square) quarter(half, row, column int) square {
	return square{s.from[(row*s.stride+column)*half:], s.stride}
}

func multiply(c, a, b square, n int) {
	if n <= 32 {
		for i := 0; i < n; i++ {
			row := c.from[i*c.stride:][:n]
			for k, factor := range a.from[i*a.stride:][:n] {
				for j, other := range b.from[k*b.stride:][:n] {
					row[j] += factor * other
				}
			}
		}
		return
	}
	half := n / 2
	for inner := 0; inner < 2; inner++ {
		quarter := func(row, column int) func() {
			return func() {
				multiply(c.quarter(half, row, column), a.quarter(half, row, inner), b.quarter(half, inner, column), half)
			}
		}
		fork(func() { fork(quarter(0, 0), quarter(0, 1)) }, func() { fork(quarter(1, 0), quarter(1, 1)) })
	}
}

func matmul() {
	n := number("n", 1024)
	x := uint32(12345)
	all := make([][]float32, 3)
	for which := range all {
		all[which] = make([]float32, n*n)
		for i := range all[which] {
			x = x*1664525 + 1013904223
			all[which][i] = float32(x >> 30)
		}
	}
	a, b, c := all[0], all[1], all[2]
	clear := func() {
		for i := range c {
			c[i] = 0
		}
	}
	measure(1, clear, func() { multiply(square{c, n}, square{a, n}, square{b, n}, n) })
	times := func(matrix []float32, vector []float64) []float64 {
		result := make([]float64, n)
		for i := range result {
			for k := range vector {
				result[i] += float64(matrix[i*n+k]) * vector[k]
			}
		}
		return result
	}
	vector := make([]float64, n)
	for i := range vector {
		vector[i] = float64(i * 7919 % 11)
	}
	expected := times(a, times(b, vector))
	for i, value := range times(c, vector) {
		require(value == expected[i])
	}
}
