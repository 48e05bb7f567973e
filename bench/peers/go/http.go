package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func insist(failed error) {
	if failed != nil {
		fmt.Fprintln(os.Stderr, "peer_go:", failed)
		os.Exit(2)
	}
}

// A goroutine for each request that may be in flight, each with the next URL. The server is started by bench/load.
func httpFetch() {
	limit := number("cap", 64)
	transport := &http.Transport{MaxIdleConns: limit, MaxIdleConnsPerHost: limit, MaxConnsPerHost: limit}
	if file := values["ca"]; file != "" {
		text, failed := os.ReadFile(file)
		insist(failed)
		trusted := x509.NewCertPool()
		trusted.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted}
	}
	client := &http.Client{Transport: transport}
	numbers := make(chan int, limit)
	var all sync.WaitGroup
	for i := 0; i < limit; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for each := range numbers {
				response, failed := client.Get(values["url"] + strconv.Itoa(each))
				insist(failed)
				_, failed = io.Copy(io.Discard, response.Body)
				insist(failed)
				insist(response.Body.Close())
			}
		}()
	}
	for i := 0; i < number("n", 0); i++ {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}
