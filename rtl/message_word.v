// The next message word (FIPS 180-4, 6.2.2, step 1): W[t] = s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16].
//
// LIVE     which of the words t-16, t-15, t-7, t-2 are computed; the others are left out of the sum
// KNOWN    whether the sum of those left out is added as `known`
module message_word #(
    parameter [3:0] LIVE = 4'b1111,
    parameter KNOWN = 0, ADDER = 0
) (
    input [31:0] w16, w15, w7, w2, known,
    output [31:0] word
);
    localparam [4:0] USED = {KNOWN != 0, LIVE};

    // How many of the five possible terms below number i are used.
    function integer used_below(input integer i);
        integer j;
        begin
            used_below = 0;
            for (j = 0; j < i; j = j + 1)
                used_below = used_below + USED[j];
        end
    endfunction

    wire [31:0] s0, s1;
    small_sigma0 sigma0 (.x(w15), .y(s0));
    small_sigma1 sigma1 (.x(w2), .y(s1));

    wire [159:0] possible = {known, w16, s0, w7, s1};
    wire [32*used_below(5)-1:0] terms;
    genvar i;
    generate
        for (i = 0; i < 5; i = i + 1) begin : term
            if (USED[i])
                assign terms[32*used_below(i) +: 32] = possible[32*i +: 32];
        end
    endgenerate
    reduce #(.N(used_below(5)), .ADDER(ADDER)) sum_word (.words(terms), .result(word));
endmodule
