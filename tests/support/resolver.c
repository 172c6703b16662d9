/* A name service for one name, for tests of what happens when an address changes: preloaded into a process, it gives the name
 * in $RESOLVER_NAME the address that stands in the file $RESOLVER_FILE at that moment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *name = getenv("RESOLVER_NAME");
    const char *path = getenv("RESOLVER_FILE");
    char address[64];
    if (!node || !name || !path || strcmp(node, name) != 0) return next(node, service, hints, result);
    FILE *file = fopen(path, "re");
    if (!file) return EAI_AGAIN;
    int const found = fscanf(file, "%63s", address);
    fclose(file);
    return found == 1 ? next(address, service, hints, result) : EAI_NONAME;
}
