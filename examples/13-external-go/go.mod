module example.org/millrace-producer

go 1.22
